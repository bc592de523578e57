"""The choice of frames worth labelling: uncertain ones, and no two alike."""

from collections.abc import Sequence

import numpy as np

from hipnn_ts import _core
from hipnn_ts.committee.deviations import Frame

N_CENTRES = 12  # number of the radial functions
ALIKE = 1e-6  # two frames closer than this are copies of each other


def fingerprint(frame: Frame, elements: Sequence[str], cutoff: float) -> np.ndarray:
    """Numbers of neighbours of each element, by distance: of the most uncertain atom, by its
    element, and on average over all atoms of each element.

    Returns
    -------
    (2 S, S, N_CENTRES) flattened
    """
    atoms, n_elements = frame.atoms, len(elements)
    species = np.array([elements.index(symbol) for symbol in atoms.symbols])
    receivers, senders, vectors = _core.neighbour_pairs(
        atoms.positions, atoms.cell.array, atoms.pbc, cutoff
    )
    distances = np.linalg.norm(vectors, axis=1)
    centres = np.linspace(0.0, cutoff, N_CENTRES + 2)[1:-1]
    spread = (distances[:, None] - centres) / centres[0]
    values = np.exp(-0.5 * spread**2) * np.cos(0.5 * np.pi * distances / cutoff)[:, None] ** 2
    around = np.zeros((len(atoms), n_elements, N_CENTRES))
    np.add.at(around, (receivers, species[senders]), values)
    out = np.zeros((2, n_elements, n_elements, N_CENTRES))
    worst = frame.deviations.forces.argmax()
    out[0, species[worst]] = around[worst]
    for element in np.unique(species):
        out[1, element] = around[species == element].mean(axis=0)
    return out.ravel()


def farthest_points(points: np.ndarray, first: int, n: int) -> list[int]:
    """At most n of the points (N, D): `first`, then repeatedly the one farthest from those
    chosen, until only copies of them are left."""
    chosen = [first]
    nearest = np.linalg.norm(points - points[first], axis=1)
    while len(chosen) < n:
        candidate = int(nearest.argmax())
        if not nearest[candidate] > ALIKE:
            break
        chosen.append(candidate)
        nearest = np.minimum(nearest, np.linalg.norm(points - points[candidate], axis=1))
    return chosen


def select(
    frames: Sequence[Frame], elements: Sequence[str], cutoff: float, n: int | None = None
) -> list[int]:
    """Indices of at most n frames (default all), the most uncertain one first."""
    if not frames:
        return []
    points = np.array([fingerprint(frame, elements, cutoff) for frame in frames])
    first = int(np.argmax([frame.largest for frame in frames]))
    return farthest_points(points, first, len(frames) if n is None else n)
