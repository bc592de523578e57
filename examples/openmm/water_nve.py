"""Liquid water at constant energy with an exported potential.

    python water_nve.py model.pt

The total energy should stay constant: its drift shows the error of forces and integrator.
"""

import argparse
import sys

import openmm
from openmm import app, unit

from hipnn_ts.openmm import create_force

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("model", help="file written by `hipnn-ts export`, for H and O")
arguments.add_argument("--box", type=float, default=1.6, help="edge in nm [default: 1.6]")
arguments.add_argument("--steps", type=int, default=2000, help="of 0.5 fs [default: 2000]")
arguments.add_argument("--platform", default="CPU", help="of OpenMM [default: CPU]")
options = arguments.parse_args()

# A classical water model only places the molecules; it exerts no forces in the simulation.
modeller = app.Modeller(app.Topology(), [])
modeller.addSolvent(app.ForceField("tip3p.xml"), boxSize=openmm.Vec3(*[options.box] * 3))

system = openmm.System()
for atom in modeller.topology.atoms():
    system.addParticle(atom.element.mass)
system.setDefaultPeriodicBoxVectors(*modeller.topology.getPeriodicBoxVectors())
system.addForce(create_force(options.model, modeller.topology))

integrator = openmm.VerletIntegrator(0.5 * unit.femtosecond)
platform = openmm.Platform.getPlatformByName(options.platform)
simulation = app.Simulation(modeller.topology, system, integrator, platform)
simulation.context.setPositions(modeller.positions)
simulation.minimizeEnergy(maxIterations=20)
simulation.context.setVelocitiesToTemperature(300 * unit.kelvin)
simulation.reporters.append(
    app.StateDataReporter(
        sys.stdout,
        max(1, options.steps // 20),
        time=True,
        potentialEnergy=True,
        temperature=True,
        totalEnergy=True,
        speed=True,
    )
)
simulation.step(options.steps)
