"""OpenMM Contexts of one force, and peers behind a PythonForce."""

import numpy as np
import openmm
import torch
from ase import Atoms, units
from openmm import unit

STILL = 1e-9  # ps: a step that moves nothing


def context(atoms: Atoms, force: openmm.Force, step: float = STILL) -> openmm.Context:
    """On the CPU platform, with a Verlet integrator of ``step`` ps."""
    system = openmm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    if atoms.pbc.all():
        system.setDefaultPeriodicBoxVectors(*(atoms.cell.array * 0.1))
    system.addForce(force)
    made = openmm.Context(
        system, openmm.VerletIntegrator(step), openmm.Platform.getPlatformByName("CPU")
    )
    made.setPositions(atoms.positions * 0.1)
    return made


def python_force(compute, periodic: bool) -> openmm.PythonForce:
    """Of compute(positions in Å, cell in Å or None) -> energy in eV, forces in eV/Å."""
    per_mole = units.mol / units.kJ

    def call(state):
        positions = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
        cell = None
        if periodic:
            cell = state.getPeriodicBoxVectors(asNumpy=True).value_in_unit(unit.angstrom)
        energy, forces = compute(positions, cell)
        return energy * per_mole, forces * (10 * per_mole)

    force = openmm.PythonForce(call)
    force.setUsesPeriodicBoundaryConditions(periodic)
    return force


def hippynn_force(peer, numbers, periodic: bool, cutoff: float) -> openmm.PythonForce:
    """hippynn's network on pairs that vesin finds."""
    from hippynn_peer import SPECIES

    from hipnn_ts.neighbours import neighbour_pairs

    species = torch.tensor([SPECIES.index(number) for number in numbers])

    def compute(positions, cell):
        box = np.zeros((3, 3)) if cell is None else cell
        i, j, shifts = neighbour_pairs(positions, box, np.full(3, periodic), cutoff)
        ends = torch.from_numpy(i), torch.from_numpy(j)
        r, s = torch.from_numpy(positions).float(), torch.from_numpy(shifts).float()
        energy, forces = peer.step(species, *ends, r, s)
        return energy.item(), forces.double().numpy()

    return python_force(compute, periodic)


def nve_drift(atoms: Atoms, force: openmm.Force, picoseconds: float) -> float:
    """Slope of the total energy at 300 K and 0.5 fs, µeV/atom/ps, after a picosecond of heating."""
    moving = context(atoms, force, 0.0005)
    openmm.LocalEnergyMinimizer.minimize(moving, 10.0, 100)
    moving.setVelocitiesToTemperature(300 * unit.kelvin, 1)
    integrator = moving.getIntegrator()
    integrator.step(2000)
    times, energies = [], []
    for _ in range(int(picoseconds * 20)):
        integrator.step(100)
        state = moving.getState(energy=True)
        total = state.getPotentialEnergy() + state.getKineticEnergy()
        times.append(state.getTime().value_in_unit(unit.picosecond))
        energies.append(total.value_in_unit(unit.kilojoule_per_mole) * units.kJ / units.mol)
    return float(1e6 * np.polyfit(times, energies, 1)[0] / len(atoms))
