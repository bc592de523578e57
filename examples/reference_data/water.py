"""Boxes of liquid water: Monte Carlo on a classical model, then a short run with GFN1-xTB."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from ase import Atoms, units
from ase.build import molecule
from ase.calculators import tip3p
from sampling import langevin
from scipy.spatial.transform import Rotation

N_WATERS = 27
CLASSICAL_LIMIT = 450.0  # K; above it the rigid model is a gas
CHARGES = tip3p.qH * np.array([-2, 1, 1])


class Job(NamedTuple):
    """One independent run; ``contacts`` adds a frame with molecules pushed into each other."""

    temperature: float  # K
    density: float  # g/cm^3
    n_frames: int
    interval: int  # fs between frames
    contacts: bool


JOBS = [
    Job(temperature, density, n_frames, interval, index % 2 == 0)
    for temperature, density, n_starts, n_frames, interval in (
        (280.0, 1.00, 6, 3, 10),
        (300.0, 1.00, 14, 3, 10),
        (350.0, 1.00, 4, 3, 10),
        (450.0, 1.00, 5, 3, 10),
        (300.0, 0.90, 3, 3, 10),
        (300.0, 1.10, 3, 3, 10),
        (350.0, 1.20, 2, 3, 10),
        (700.0, 1.00, 3, 3, 10),
        (1000.0, 1.10, 2, 3, 10),
        # Long enough to forget that the start came from another model.
        (300.0, 1.00, 3, 10, 20),
    )
    for index in range(n_starts)
]


def sample(job: Job, random: np.random.Generator) -> Iterator[Atoms]:
    """Frames of one run, and with ``contacts`` a distorted copy of the last."""
    atoms = _liquid(job.density, min(job.temperature, CLASSICAL_LIMIT), random)
    # The rigid start lacks vibration: displaced atoms need not be heated by the dynamics first.
    scale = 0.02 * np.sqrt(job.temperature / 300.0)
    atoms.positions += random.normal(size=atoms.positions.shape) * scale
    # Sampled with GFN1, which takes a sixth of GFN2's time in a box; labels are GFN2's.
    for frame in langevin(
        atoms, "GFN1-xTB", job.temperature, 1.0, job.n_frames, job.interval, random
    ):
        frame.info["config_type"] = f"liquid_{job.temperature:.0f}K_{job.density:.2f}"
        yield frame
    if job.contacts:
        _distort(frame, random)
        frame.info["config_type"] = "contacts"
        yield frame


def _liquid(density: float, temperature: float, random: np.random.Generator) -> Atoms:
    """A box of rigid TIP3P water after 1500 Monte Carlo sweeps from a lattice.

    Jorgensen et al., J. Chem. Phys. 79, 926 (1983); nearest images, no cutoff.
    """
    mass = N_WATERS * molecule("H2O").get_masses().sum() / units.kg * 1e3
    length = (mass / density) ** (1 / 3) * 1e8
    body = molecule("H2O").positions
    body = (body - body[0]) * tip3p.rOH / np.linalg.norm(body[1] - body[0])
    side = round(N_WATERS ** (1 / 3))
    lattice = np.stack(np.meshgrid(*[np.arange(side)] * 3), axis=-1).reshape(-1, 3)
    centres = (lattice + 0.5) * length / side
    sites = centres[:, None] + np.stack([_turn(random, 4.0).apply(body) for _ in centres])
    beta = 1 / (units.kB * temperature)
    for _ in range(1500 * N_WATERS):
        chosen = random.integers(N_WATERS)
        old = sites[chosen]
        moved = old[0] + random.uniform(-0.15, 0.15, 3)
        new = moved + _turn(random, 0.2).apply(old - old[0])
        others = np.delete(sites, chosen, axis=0)
        change = _energy(new, others, length) - _energy(old, others, length)
        if change <= 0 or random.random() < np.exp(-beta * change):
            sites[chosen] = new
    return Atoms("OHH" * N_WATERS, sites.reshape(-1, 3), cell=[length] * 3, pbc=True)


def _turn(random: np.random.Generator, size: float) -> Rotation:
    return Rotation.from_rotvec(random.normal(size=3) * size)


def _energy(water: np.ndarray, others: np.ndarray, length: float) -> float:
    """TIP3P energy in eV of one molecule (3, 3) with the others (n, 3, 3), nearest images."""
    images = length * np.round((others[:, :1] - water[0]) / length)
    vectors = (others - images)[:, :, None] - water
    squares = (vectors**2).sum(axis=-1)
    sixth = (tip3p.sigma0**2 / squares[:, 0, 0]) ** 3
    coulomb = units.Hartree * units.Bohr * (np.outer(CHARGES, CHARGES) / np.sqrt(squares)).sum()
    return coulomb + 4 * tip3p.epsilon0 * (sixth**2 - sixth).sum()


def _distort(atoms: Atoms, random: np.random.Generator) -> None:
    """Push four molecules 0.3 to 0.7 Å towards their nearest neighbour, stretch two others."""
    sites = atoms.positions.reshape(-1, 3, 3)
    length = atoms.cell.lengths()[0]
    chosen = random.choice(N_WATERS, 6, replace=False)
    for index in chosen[:4]:
        vectors = sites[:, 0] - sites[index, 0]
        vectors -= length * np.round(vectors / length)
        distances = np.linalg.norm(vectors, axis=1)
        distances[index] = np.inf
        nearest = distances.argmin()
        sites[index] += vectors[nearest] / distances[nearest] * random.uniform(0.3, 0.7)
    for index in chosen[4:]:
        factors = random.uniform(0.82, 1.3, (2, 1))
        sites[index, 1:] = sites[index, 0] + factors * (sites[index, 1:] - sites[index, 0])
    atoms.positions = sites.reshape(-1, 3)
