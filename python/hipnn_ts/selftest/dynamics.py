"""Dynamics of the self-test: where it starts, its time step, and how far the energy drifts."""

from typing import NamedTuple

import numpy as np
from ase import Atoms, units
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from ase.optimize import FIRE

from hipnn_ts.ase import HIPNNTSCalculator

DRIFT = 0.01  # the largest that is allowed
RELAXATION = 60  # number of steps; dynamics starts where no atoms are about to fly apart
TEMPERATURE = 300  # K
TIMESTEPS = (0.2, 0.1, 0.05, 0.025)  # fs; in still shorter ones rounding passes for a drift
N_STEPS = 100


class Trajectory(NamedTuple):
    """Energies after each step at constant energy, eV."""

    potential: np.ndarray  # (steps,)
    kinetic: np.ndarray  # (steps,)

    @property
    def drift(self) -> float:
        """Change of the total energy divided by that of the kinetic energy."""
        return float(np.ptp(self.potential + self.kinetic) / np.ptp(self.kinetic))


class Start(NamedTuple):
    """Positions, cell, velocities and settings from which dynamics starts."""

    atoms: Atoms
    timestep: float  # fs
    n_steps: int


def start_of(calculator: HIPNNTSCalculator, base: Atoms) -> Start:
    """The start of dynamics of ``base``, with a time step that its potential allows.

    A network that has hardly been trained can be steeper than any potential of chemistry. The step
    is the longest by which ASE's own integrator keeps the energy, so that a drift tells of an
    engine.
    """
    atoms, drifts = relaxed(calculator, base), {}
    for timestep in TIMESTEPS:
        drifts[timestep] = verlet(calculator, Start(atoms.copy(), timestep, N_STEPS)).drift
        if drifts[timestep] <= DRIFT / 4:
            break
    return Start(atoms, min(drifts, key=drifts.get), N_STEPS)


def relaxed(calculator: HIPNNTSCalculator, base: Atoms) -> Atoms:
    """Near a minimum, with velocities of 300 K."""
    atoms = base.copy()
    atoms.calc = calculator
    FIRE(atoms, logfile=None).run(steps=RELAXATION)
    atoms.calc = None
    random = np.random.default_rng(0)
    MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE, rng=random)
    return atoms


def verlet(calculator: HIPNNTSCalculator, start: Start) -> Trajectory:
    """Dynamics by ASE; it moves the atoms of ``start``."""
    atoms = start.atoms
    atoms.calc = calculator
    potential, kinetic = [], []

    def note() -> None:
        potential.append(atoms.get_potential_energy())
        kinetic.append(atoms.get_kinetic_energy())

    integrator = VelocityVerlet(atoms, start.timestep * units.fs)
    integrator.attach(note)
    integrator.run(start.n_steps)
    return Trajectory(np.array(potential), np.array(kinetic))
