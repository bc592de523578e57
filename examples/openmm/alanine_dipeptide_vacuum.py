"""Alanine dipeptide in vacuum with an exported potential.

    python alanine_dipeptide_vacuum.py model.pt

Heats the molecule to 300 K, then runs at constant energy. Writes a trajectory, a table and a
picture of the backbone angles and of the total energy, which should stay constant.
"""

import argparse
from pathlib import Path

import numpy as np
import openmm
from ase.geometry import get_dihedrals
from matplotlib.figure import Figure
from openmm import app, unit

from hipnn_ts.openmm import create_force

PHI, PSI = (4, 6, 8, 14), (6, 8, 14, 16)  # atoms of the backbone angles

arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
arguments.add_argument("model", help="file written by `hipnn-ts export`, for H, C, N and O")
arguments.add_argument("--steps", type=int, default=40000, help="of 0.5 fs [default: 40000]")
arguments.add_argument("--heating", type=int, default=4000, help="steps before [default: 4000]")
arguments.add_argument("--platform", default="CPU", help="of OpenMM [default: CPU]")
arguments.add_argument("-o", "--output", type=Path, default=Path(), help="folder [default: .]")
options = arguments.parse_args()
options.output.mkdir(parents=True, exist_ok=True)

molecule = app.PDBFile(str(Path(__file__).with_name("alanine_dipeptide.pdb")))
system = openmm.System()
for atom in molecule.topology.atoms():
    system.addParticle(atom.element.mass)
system.addForce(create_force(options.model, molecule.topology))


def simulation_with(integrator):
    platform = openmm.Platform.getPlatformByName(options.platform)
    return app.Simulation(molecule.topology, system, integrator, platform)


heating = simulation_with(
    openmm.LangevinMiddleIntegrator(300 * unit.kelvin, 5 / unit.picosecond, 0.5 * unit.femtosecond)
)
heating.context.setPositions(molecule.positions)
heating.minimizeEnergy(maxIterations=100)
heating.context.setVelocitiesToTemperature(300 * unit.kelvin)
heating.step(options.heating)

simulation = simulation_with(openmm.VerletIntegrator(0.5 * unit.femtosecond))
simulation.context.setState(heating.context.getState(positions=True, velocities=True))
simulation.context.setTime(0)
interval = max(1, options.steps // 200)
table = options.output / "vacuum.csv"
simulation.reporters.append(
    app.StateDataReporter(
        str(table), interval, time=True, potentialEnergy=True, totalEnergy=True, temperature=True
    )
)
simulation.reporters.append(app.DCDReporter(str(options.output / "vacuum.dcd"), interval))
angles = []
for _ in range(options.steps // interval):
    simulation.step(interval)
    state = simulation.context.getState(positions=True)
    r = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    bonds = [(r[b] - r[a], r[c] - r[b], r[d] - r[c]) for a, b, c, d in (PHI, PSI)]
    angles.append(get_dihedrals(*np.array(bonds).transpose(1, 0, 2)))

# get_dihedrals counts from 0 to 360 degrees; the field counts from -180 to 180.
phi, psi = (np.array(angles).T + 180) % 360 - 180
time, _, total, _ = np.loadtxt(table, delimiter=",", skiprows=1, unpack=True)
ev = unit.AVOGADRO_CONSTANT_NA * unit.elementary_charge * unit.volt
per_ev = (1.0 * ev).value_in_unit(unit.kilojoule_per_mole)
drift = 1e6 * np.polyfit(time, total, 1)[0] / per_ev / len(r)
print(f"drift of the total energy {drift:.2f} µeV/atom/ps")
figure = Figure(figsize=(10, 4), layout="constrained")
backbone, energy = figure.subplots(1, 2)
backbone.scatter(phi, psi, c=time, s=8)
backbone.set(xlim=(-180, 180), ylim=(-180, 180), xlabel="φ, degrees", ylabel="ψ, degrees")
energy.plot(time, total - total[0])
energy.set(xlabel="time, ps", ylabel="total energy from start, kJ/mol")
figure.savefig(options.output / "vacuum.png", dpi=130)
