"""The self-test on one of OpenMM's platforms."""

from pathlib import Path

import numpy as np
import openmm
from ase import Atoms, units

from hipnn_ts.openmm import create_force
from hipnn_ts.openmm.units import ANGSTROMS_PER_NANOMETRE, KILOJOULES_PER_MOLE_PER_EV
from hipnn_ts.selftest.dynamics import Trajectory
from hipnn_ts.selftest.questions import Answers

ENERGY = 1.0 / KILOJOULES_PER_MOLE_PER_EV
LENGTH = 1.0 / ANGSTROMS_PER_NANOMETRE
FORCE = ENERGY * LENGTH
FEMTOSECONDS_PER_PICOSECOND = 1000.0


def evaluate(platform: str, model: Path, frames: list[Atoms]) -> Answers:
    """Energies and forces; OpenMM has no virials."""
    contexts: dict[bytes, openmm.Context] = {}
    energies, forces = [], []
    for frame in frames:
        key = frame.numbers.tobytes() + frame.pbc.tobytes()
        if key not in contexts:
            contexts[key] = _context(platform, model, frame, 0.001)
        context = contexts[key]
        _place(context, frame)
        state = context.getState(energy=True, forces=True)
        energies.append(state.getPotentialEnergy()._value * ENERGY)
        forces.append(np.array(state.getForces(asNumpy=True)._value) * FORCE)
    return Answers(np.array(energies), np.array(forces), None)


def moving(platform: str, model: Path, start: Atoms, timestep: float) -> openmm.Context:
    """Dynamics from ``start`` with its velocities, leap-frog with ``timestep`` (fs)."""
    context = _context(platform, model, start, timestep / FEMTOSECONDS_PER_PICOSECOND)
    _place(context, start)
    # Half a step back, where leap-frog has its velocities.
    state = context.getState(forces=True)
    forces = np.array(state.getForces(asNumpy=True)._value) * FORCE
    velocities = start.get_velocities()
    velocities -= 0.5 * timestep * units.fs * forces / start.get_masses()[:, None]
    per_picosecond = LENGTH * units.fs * FEMTOSECONDS_PER_PICOSECOND
    context.setVelocities(velocities * per_picosecond)
    return context


def dynamics(platform: str, model: Path, start: Atoms, timestep: float, n_steps: int) -> Trajectory:
    """For the kinetic energy OpenMM shifts velocities to the time of the positions."""
    context = moving(platform, model, start, timestep)
    potential, kinetic = [], []
    for _ in range(n_steps):
        context.getIntegrator().step(1)
        state = context.getState(energy=True)
        potential.append(state.getPotentialEnergy()._value * ENERGY)
        kinetic.append(state.getKineticEnergy()._value * ENERGY)
    return Trajectory(np.array(potential), np.array(kinetic))


def _context(platform: str, model: Path, frame: Atoms, timestep: float) -> openmm.Context:
    system = openmm.System()
    for mass in frame.get_masses():
        system.addParticle(mass)
    periodic = bool(frame.pbc.all())
    if periodic:
        system.setDefaultPeriodicBoxVectors(*(frame.cell.array * LENGTH))
    system.addForce(create_force(model, frame.numbers, periodic=periodic))
    found = openmm.Platform.getPlatformByName(platform)
    return openmm.Context(system, openmm.VerletIntegrator(timestep), found)


def _place(context: openmm.Context, frame: Atoms) -> None:
    if frame.pbc.all():
        context.setPeriodicBoxVectors(*(frame.cell.array * LENGTH))
    context.setPositions(frame.positions * LENGTH)
