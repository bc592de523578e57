"""Make OpenMM Contexts, wrap other packages in a PythonForce, and measure energy drift."""

import numpy as np
import openmm
from ase import Atoms
from openmm import unit

from benchmarks.blocks import slope
from hipnn_ts.openmm.units import KILOJOULES_PER_MOLE_PER_EV

STILL = 1e-9  # ps: a time step that moves nothing
# kJ/mol per eV. ASE's (CODATA 2014) differs in the eighth digit: by 2e-4 eV for a box of water.
EV = KILOJOULES_PER_MOLE_PER_EV


def context(
    atoms: Atoms,
    *forces: openmm.Force,
    integrator: openmm.Integrator | None = None,
    platform: str = "CPU",
) -> openmm.Context:
    """A Context of the atoms, by default with a Verlet integrator whose steps move nothing."""
    system = openmm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    if atoms.pbc.all():
        system.setDefaultPeriodicBoxVectors(*(atoms.cell.array * 0.1))
    for force in forces:
        system.addForce(force)
    integrator = integrator or openmm.VerletIntegrator(STILL)
    made = openmm.Context(system, integrator, openmm.Platform.getPlatformByName(platform))
    made.setPositions(atoms.positions * 0.1)
    return made


def total_energy(moving: openmm.Context) -> float:
    """Total energy, eV; OpenMM shifts a leapfrog state's kinetic energy to the positions' time."""
    state = moving.getState(energy=True)
    total = state.getPotentialEnergy() + state.getKineticEnergy()
    return total.value_in_unit(unit.kilojoule_per_mole) / EV


def python_force(compute, periodic: bool) -> openmm.PythonForce:
    """A force from compute(positions, cell or None; Å) -> tensors: energy (eV), forces (eV/Å)."""

    def call(state):
        positions = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
        cell = None
        if periodic:
            cell = state.getPeriodicBoxVectors(asNumpy=True).value_in_unit(unit.angstrom)
        energy, forces = compute(positions, cell)
        return energy.item() * EV, forces.double().numpy() * (10 * EV)

    force = openmm.PythonForce(call)
    force.setUsesPeriodicBoundaryConditions(periodic)
    return force


def nve_drift(atoms: Atoms, force: openmm.Force, picoseconds: float) -> tuple[float, float]:
    """Drift of the total energy and its standard error, µeV/atom/ps.

    NVE at about 300 K with 0.5 fs a step, after five picoseconds with a thermostat.
    """
    heating = openmm.LangevinMiddleIntegrator(300 * unit.kelvin, 2 / unit.picosecond, 0.0005)
    heating.setRandomNumberSeed(1)
    both = openmm.CompoundIntegrator()
    both.addIntegrator(heating)
    both.addIntegrator(openmm.VerletIntegrator(0.0005))
    moving = context(atoms, force, integrator=both)
    openmm.LocalEnergyMinimizer.minimize(moving, 10.0, 100)
    moving.setVelocitiesToTemperature(300 * unit.kelvin, 1)
    both.step(10000)
    both.setCurrentIntegrator(1)
    times, energies = [], []
    for _ in range(int(picoseconds * 100)):
        both.step(20)
        times.append(moving.getTime().value_in_unit(unit.picosecond))
        energies.append(total_energy(moving))
    return slope(np.array(times), 1e6 * np.array(energies) / len(atoms))
