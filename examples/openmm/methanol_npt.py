"""Liquid methanol at constant pressure with an exported potential.

    python methanol_npt.py model.pt

Starts from molecules on a lattice. Writes a trajectory, a table and a picture of the density.
"""

import argparse
from pathlib import Path

import numpy as np
import openmm
from ase.build import molecule
from matplotlib.figure import Figure
from openmm import app, unit
from scipy.spatial.transform import Rotation

from hipnn_ts.openmm import create_force

VOLUME = 68.0  # Å³ a molecule: 0.78 g/cm³, methanol at 300 K

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("model", help="file written by `hipnn-ts export`, for H, C and O")
arguments.add_argument("--edge", type=int, default=4, help="molecules along it [default: 4]")
arguments.add_argument("--steps", type=int, default=20000, help="of 0.5 fs [default: 20000]")
arguments.add_argument("--pressure", type=float, default=1.0, help="bar [default: 1]")
arguments.add_argument("--platform", default="CPU", help="of OpenMM [default: CPU]")
arguments.add_argument("-o", "--output", type=Path, default=Path(), help="folder [default: .]")
options = arguments.parse_args()
options.output.mkdir(parents=True, exist_ok=True)

methanol = molecule("CH3OH")
methanol.positions -= methanol.get_center_of_mass()
spacing = VOLUME ** (1 / 3)
turns = Rotation.random(options.edge**3, random_state=1)
topology = app.Topology()
chain = topology.addChain()
system = openmm.System()
# The barostat moves whole molecules, which it knows by bonds: these exert no force.
bonds = openmm.HarmonicBondForce()
positions = []
for cell, turn in zip(np.ndindex(*[options.edge] * 3), turns, strict=True):
    residue = topology.addResidue("MOH", chain)
    first = system.getNumParticles()
    for symbol in methanol.symbols:
        element = app.Element.getBySymbol(symbol)
        topology.addAtom(symbol, element, residue)
        system.addParticle(element.mass)
    for atom in range(1, len(methanol)):
        bonds.addBond(first, first + atom, 0.1, 0.0)
    positions.append(turn.apply(methanol.positions) + spacing * np.array(cell))
system.addForce(bonds)
box = np.eye(3) * spacing * options.edge * 0.1
topology.setPeriodicBoxVectors(box)
system.setDefaultPeriodicBoxVectors(*box)
system.addForce(create_force(options.model, topology))
system.addForce(openmm.MonteCarloBarostat(options.pressure * unit.bar, 300 * unit.kelvin, 10))

integrator = openmm.LangevinMiddleIntegrator(
    300 * unit.kelvin, 2 / unit.picosecond, 0.5 * unit.femtosecond
)
platform = openmm.Platform.getPlatformByName(options.platform)
simulation = app.Simulation(topology, system, integrator, platform)
simulation.context.setPositions(np.concatenate(positions) * 0.1)
simulation.minimizeEnergy(maxIterations=50)
simulation.context.setVelocitiesToTemperature(300 * unit.kelvin)
interval = max(1, options.steps // 200)
table = options.output / "methanol.csv"
simulation.reporters.append(
    app.StateDataReporter(
        str(table), interval, time=True, potentialEnergy=True, temperature=True, density=True
    )
)
simulation.reporters.append(app.DCDReporter(str(options.output / "methanol.dcd"), interval))
simulation.step(options.steps)

time, _, _, density = np.loadtxt(table, delimiter=",", skiprows=1, unpack=True)
figure = Figure(figsize=(6, 4), layout="constrained")
axes = figure.subplots()
axes.plot(time, density)
axes.set(xlabel="time, ps", ylabel="density, g/cm³")
figure.savefig(options.output / "methanol.png", dpi=130)
