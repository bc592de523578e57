"""The configurations that every path evaluates, and the relations that must hold between its
answers.

All boxes have lower triangular cells, which LAMMPS and OpenMM take unchanged.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from scipy.spatial.transform import Rotation

CELL = np.array([[1.0, 0.0, 0.0], [-0.15, 0.95, 0.0], [0.1, 0.2, 1.05]])
REPEATS = 3
N_DIRECTIONS = 3
STRAINS = ((0, 0), (1, 1), (2, 2), (1, 0), (2, 0), (2, 1))
# Central difference of fourth order: f'(0) = Σ w f(s h) / h.
STENCIL = ((1, 2 / 3), (-1, -2 / 3), (2, -1 / 12), (-2, 1 / 12))


class Bounds(NamedTuple):
    """Tolerated rounding in one precision, relative to the largest value (at least 1)."""

    step: float  # size of the differences, Å; for strains a tenth of it
    difference: float
    agreement: float


# Steps are small if precision allows, because the second derivative of the energy jumps when a pair
# enters the cutoff.
BOUNDS = {"float64": Bounds(3e-5, 5e-6, 1e-9), "float32": Bounds(1e-2, 1e-2, 3e-5)}


class Answers(NamedTuple):
    """Energies (F,) eV, forces (F, n, 3) eV/Å, and virials (F, 3, 3) eV, Σ r ⊗ dE/dr, or none."""

    energies: np.ndarray
    forces: np.ndarray
    virials: np.ndarray | None


class Questions:
    """Frames around one jittered lattice of all elements.

    Parameters
    ----------
    elements : chemical symbols
    bounds : bounds for the model's precision
    seed : seed of the jitter and the directions
    """

    def __init__(self, elements: tuple[str, ...], bounds: Bounds, seed: int = 0):
        self.bounds = bounds
        random = np.random.default_rng(seed)
        self.base = _lattice(elements, random)
        shape = self.base.positions.shape
        self._directions = [random.normal(size=shape) for _ in range(N_DIRECTIONS)]
        self._directions = [each / np.linalg.norm(each) for each in self._directions]
        self._order = random.permutation(len(self.base))
        self._rotation = Rotation.random(random_state=seed).as_matrix()
        self.frames = list(self._frames())

    def _frames(self) -> Iterator[Atoms]:
        yield self.base
        for direction in self._directions:
            for multiple, _ in STENCIL:
                moved = self.base.copy()
                moved.positions += multiple * self.bounds.step * direction
                yield moved
        for row, column in STRAINS:
            for multiple, _ in STENCIL:
                deformation = np.eye(3)
                deformation[row, column] += multiple * 0.1 * self.bounds.step
                strained = self.base.copy()
                strained.set_cell(self.base.cell.array @ deformation)
                strained.positions = self.base.positions @ deformation
                yield strained
        translated = self.base.copy()
        translated.positions += [13.7, -4.1, 2.9]
        translated.wrap()
        yield translated
        yield self.base[self._order]
        cluster = self.base.copy()
        cluster.pbc = False
        cluster.cell[:] = 0.0
        cluster.positions -= cluster.positions.mean(axis=0)
        yield cluster
        turned = cluster.copy()
        turned.positions = cluster.positions @ self._rotation.T
        yield turned

    def differences(self, answers: Answers) -> dict[str, float]:
        """Deviation of forces and virial from differences of the path's own energies."""
        weights = np.array([weight for _, weight in STENCIL])
        n = N_DIRECTIONS * len(STENCIL)
        slopes = answers.energies[1 : 1 + n].reshape(N_DIRECTIONS, -1) @ weights / self.bounds.step
        forces = answers.forces[0]
        found = [-np.sum(forces * direction) for direction in self._directions]
        out = {"forces": np.abs(found - slopes).max() / _scale(forces)}
        if answers.virials is not None:
            strained = answers.energies[1 + n : 1 + n + len(STRAINS) * len(STENCIL)]
            slopes = strained.reshape(len(STRAINS), -1) @ weights / (0.1 * self.bounds.step)
            virial = answers.virials[0]
            found = [virial[row, column] for row, column in STRAINS]
            out["virial"] = np.abs(found - slopes).max() / _scale(virial)
        return out

    def agreement(self, answers: Answers, reference: Answers) -> dict[str, float]:
        """Deviation from another path on all frames; energies per atom."""
        interaction = np.ptp(reference.energies) / len(self.base)
        out = {
            "energies": np.abs(answers.energies - reference.energies).max()
            / len(self.base)
            / max(1.0, interaction),
            "forces": _deviation(answers.forces, reference.forces),
        }
        if answers.virials is not None:
            periodic = [bool(frame.pbc.all()) for frame in self.frames]
            out["virials"] = _deviation(answers.virials[periodic], reference.virials[periodic])
        return out

    def invariances(self, answers: Answers) -> dict[str, float]:
        """Deviation of the forces under operations that must leave them unchanged or rotate
        them."""
        base = answers.forces[0]
        translated, permuted, cluster, turned = answers.forces[-4:]
        return {
            "translation": _deviation(translated, base),
            "permutation": _deviation(permuted, base[self._order]),
            "rotation": _deviation(turned, cluster @ self._rotation.T),
            "net force": np.abs(base.sum(axis=0)).max() / _scale(base),
        }


def _lattice(elements: tuple[str, ...], random: np.random.Generator) -> Atoms:
    """Atoms about one and a half bond lengths apart, as in a dense liquid."""
    radii = [covalent_radii[atomic_numbers[symbol]] for symbol in elements]
    spacing = 3.0 * float(np.mean(radii)) + 0.6
    grid = np.stack(np.meshgrid(*[np.arange(REPEATS)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    symbols = [elements[k % len(elements)] for k in range(len(grid))]
    scaled = (grid + random.uniform(-0.12, 0.12, grid.shape)) / REPEATS
    cell = REPEATS * spacing * CELL
    return Atoms(symbols, positions=scaled @ cell, cell=cell, pbc=True)


def _scale(values: np.ndarray) -> float:
    return max(1.0, np.abs(values).max())


def _deviation(found: np.ndarray, expected: np.ndarray) -> float:
    return np.abs(found - expected).max() / _scale(expected)
