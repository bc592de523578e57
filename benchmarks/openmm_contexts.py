"""OpenMM Contexts of one force, and peers behind a PythonForce."""

import numpy as np
import openmm
import torch
from ase import Atoms, units
from blocks import slope
from openmm import unit

STILL = 1e-9  # ps: a step that moves nothing


def context(
    atoms: Atoms, force: openmm.Force, integrator: openmm.Integrator | None = None
) -> openmm.Context:
    """On the CPU platform, by default with a Verlet integrator whose steps move nothing."""
    system = openmm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    if atoms.pbc.all():
        system.setDefaultPeriodicBoxVectors(*(atoms.cell.array * 0.1))
    system.addForce(force)
    integrator = integrator or openmm.VerletIntegrator(STILL)
    made = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("CPU"))
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
    """hippynn's network on pairs that are found anew each step."""
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


def nve_drift(atoms: Atoms, force: openmm.Force, picoseconds: float) -> tuple[float, float]:
    """Slope of the total energy about 300 K, 0.5 fs a step, and its error, µeV/atom/ps.

    After five picoseconds with a thermostat.
    """
    heating = openmm.LangevinMiddleIntegrator(300 * unit.kelvin, 2 / unit.picosecond, 0.0005)
    heating.setRandomNumberSeed(1)
    free = openmm.VerletIntegrator(0.0005)
    both = openmm.CompoundIntegrator()
    both.addIntegrator(heating)
    both.addIntegrator(free)
    moving = context(atoms, force, both)
    openmm.LocalEnergyMinimizer.minimize(moving, 10.0, 100)
    moving.setVelocitiesToTemperature(300 * unit.kelvin, 1)
    both.step(10000)
    both.setCurrentIntegrator(1)
    times, energies = [], []
    for _ in range(int(picoseconds * 100)):
        both.step(20)
        state = moving.getState(energy=True)
        total = state.getPotentialEnergy() + state.getKineticEnergy()
        times.append(state.getTime().value_in_unit(unit.picosecond))
        energies.append(total.value_in_unit(unit.kilojoule_per_mole) * units.kJ / units.mol)
    return slope(np.array(times), 1e6 * np.array(energies) / len(atoms))
