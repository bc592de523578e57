"""Alanine dipeptide with an exported potential in classical water (Amber14 and TIP3P).

    python alanine_dipeptide_water.py model.pt

OpenMM-ML replaces the force field's terms inside the solute by the potential (mechanical
embedding). Writes a trajectory, a table and a picture of the backbone angles.
"""

import argparse
from pathlib import Path

import numpy as np
import openmm
from matplotlib.figure import Figure
from openmm import app, unit
from openmmml import MLPotential

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("model", help="file written by `hipnn-ts export`, for H, C, N and O")
arguments.add_argument("--steps", type=int, default=20000, help="of 0.5 fs [default: 20000]")
arguments.add_argument("--padding", type=float, default=1.0, help="water, nm [default: 1.0]")
arguments.add_argument("--cutoff", type=float, default=0.9, help="direct, nm [default: 0.9]")
arguments.add_argument("--platform", default="CPU", help="of OpenMM [default: CPU]")
arguments.add_argument("-o", "--output", type=Path, default=Path(), help="folder [default: .]")
options = arguments.parse_args()
options.output.mkdir(parents=True, exist_ok=True)

molecule = app.PDBFile(str(Path(__file__).with_name("alanine_dipeptide.pdb")))
solute = list(range(molecule.topology.getNumAtoms()))
field = app.ForceField("amber14-all.xml", "amber14/tip3p.xml")
modeller = app.Modeller(molecule.topology, molecule.positions)
modeller.addSolvent(field, model="tip3p", padding=options.padding * unit.nanometer)
classical = field.createSystem(
    modeller.topology,
    nonbondedMethod=app.PME,
    nonbondedCutoff=options.cutoff * unit.nanometer,
    rigidWater=True,
)
potential = MLPotential("hipnn-ts", model_path=options.model)
system = potential.createMixedSystem(modeller.topology, classical, solute)

# The angles are read whenever a frame is written; their weight of 0 means that they exert no force.
angles = openmm.CustomCVForce("0*(phi + psi)")
for name, atoms in (("phi", (4, 6, 8, 14)), ("psi", (6, 8, 14, 16))):
    angle = openmm.CustomTorsionForce("theta")
    angle.addTorsion(*atoms)
    angles.addCollectiveVariable(name, angle)
angles.setForceGroup(31)
system.addForce(angles)

integrator = openmm.LangevinMiddleIntegrator(
    300 * unit.kelvin, 1 / unit.picosecond, 0.5 * unit.femtosecond
)
integrator.setIntegrationForceGroups(set(range(31)))
platform = openmm.Platform.getPlatformByName(options.platform)
simulation = app.Simulation(modeller.topology, system, integrator, platform)
simulation.context.setPositions(modeller.positions)
simulation.minimizeEnergy(maxIterations=100)
simulation.context.setVelocitiesToTemperature(300 * unit.kelvin)
interval = max(1, options.steps // 200)
simulation.reporters.append(
    app.StateDataReporter(
        str(options.output / "water.csv"),
        interval,
        time=True,
        potentialEnergy=True,
        temperature=True,
        speed=True,
    )
)
simulation.reporters.append(app.DCDReporter(str(options.output / "water.dcd"), interval))
frames = []
for _ in range(options.steps // interval):
    simulation.step(interval)
    phi, psi = angles.getCollectiveVariableValues(simulation.context)
    frames.append((simulation.context.getTime().value_in_unit(unit.picosecond), phi, psi))

figure = Figure(figsize=(7, 4), layout="constrained")
axes = figure.subplots()
time, *radians = np.array(frames).T
axes.plot(time, np.rad2deg(radians).T, ".", markersize=3, label=["φ", "ψ"])
axes.set(xlabel="time, ps", ylabel="degrees", ylim=(-180, 180))
axes.legend()
figure.savefig(options.output / "water.png", dpi=130)
