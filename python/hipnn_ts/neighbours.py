"""Neighbour pairs from positions, for everything that runs in Python."""

from itertools import product

import numpy as np
from scipy.spatial import cKDTree
from vesin import NeighborList

from hipnn_ts.errors import InputError

# Vesin 0.6.2 divides space into at most so many bins. Where it has to coarsen those of a flat or
# long space, it arrives at none in the short directions and ends the process (SIGFPE).
_MOST_BINS = 1e5
_MOST_IMAGES = 1e6  # a cell of 0.1 Å has as many within 5 Å
_FARTHEST = 1e6  # cells, as in C++: beyond, rounding and integers leave no position


def independent(vectors: np.ndarray) -> bool:
    """Whether vectors (k, 3) are not zero and span k dimensions."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (lengths > 0).all():
        return False
    return len(vectors) == 0 or np.linalg.matrix_rank(vectors / lengths, tol=1e-6) == len(vectors)


def check_cell(cell: np.ndarray, periodic: np.ndarray) -> None:
    """Raise InputError where a cell (3, 3) is not finite, or lacks what ``periodic`` (3,) needs."""
    if not np.isfinite(cell).all():
        raise InputError(f"expected a finite cell, found {cell.tolist()}")
    if not independent(cell[periodic]):
        number = ("", "one", "two", "three")[periodic.sum()]
        raise InputError(
            f"expected {number} independent cell vectors in a periodic frame, found {cell.tolist()}"
        )


def neighbour_pairs(
    positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All directed pairs within the cutoff, sorted by receiver, every periodic image included.

    Parameters
    ----------
    positions : (n, 3), Å
    cell : (3, 3), rows are the cell vectors, Å; rows of axes without periodicity may be zero
    periodic : (3,), bool
    cutoff : float, Å

    Returns
    -------
    receivers, senders : (P,) int64
    shifts : (P, 3) float64, Å
        Cell translation of the sender: ``r_p = positions[sender] + shift - positions[receiver]``.

    Raises
    ------
    InputError
        A position or the cell is not finite, periodic cell vectors are missing or depend on each
        other, the cell is far narrower than the cutoff, or an atom a million cells away.
    """
    cell, periodic = np.asarray(cell, float), np.asarray(periodic, bool)
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if bad.size:
        raise InputError(
            f"atom {bad[0]}: expected finite coordinates, found {positions[bad[0]].tolist()}"
        )
    check_cell(cell, periodic)
    if len(positions) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 3))
    if _vesin_can(_extents(positions, cell[periodic], cutoff), cutoff):
        search = NeighborList(cutoff=cutoff, full_list=True, sorted=True)
        i, j, images = search.compute(positions, box=cell, periodic=periodic, quantities="ijS")
        shifts = images.astype(float) @ cell
    else:
        i, j, shifts = _by_tree(positions, cell[periodic], cutoff)
    return i.astype(np.int64), j.astype(np.int64), shifts


def _extents(positions: np.ndarray, vectors: np.ndarray, cutoff: float) -> np.ndarray:
    """How far space reaches in three directions: heights of the cell, and the spread of the atoms.

    Raises InputError where the cell is too narrow, or an atom too far from it.
    """
    if len(vectors) == 0:
        return np.ptp(positions, axis=0)
    inverse = _inverse(vectors)
    heights = 1.0 / np.linalg.norm(inverse, axis=0)
    if np.prod(2 * np.ceil(cutoff / heights) + 1) > _MOST_IMAGES:
        raise InputError(
            "expected a cell that is not far narrower than the cutoff, found one of height "
            f"{heights.min():.3g} Å"
        )
    fractions = positions @ inverse
    far = np.flatnonzero((np.abs(fractions) > _FARTHEST).any(axis=1))
    if far.size:
        raise InputError(
            f"atom {far[0]}: expected coordinates near the cell, found "
            f"{positions[far[0]].tolist()}, a million cells away"
        )
    across = np.linalg.norm(np.ptp(positions - fractions @ vectors, axis=0))
    return np.concatenate([heights, np.full(3 - len(vectors), across)])


def _inverse(vectors: np.ndarray) -> np.ndarray:
    """Of cell vectors (k, 3): positions times it, (3, k), are fractions of the vectors.

    By their directions, since pinv takes what is 1e15 times shorter than the longest for zero.
    """
    lengths = np.linalg.norm(vectors, axis=1)
    return np.linalg.pinv(vectors / lengths[:, None]) / lengths


def _vesin_can(extents: np.ndarray, cutoff: float) -> bool:
    """Whether vesin has bins for such a space."""
    bins = np.maximum(1.1 * np.minimum(extents, 1e100) / cutoff, 1.0)
    coarser = bins.min() * np.cbrt(_MOST_BINS / bins.prod())
    # Far from one: vesin rounds more than once on the way.
    return bool(bins.prod() <= _MOST_BINS or coarser > 4.0)


def _by_tree(
    positions: np.ndarray, vectors: np.ndarray, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As ``neighbour_pairs``, with the periodic cell vectors alone: slower, for any shape."""
    inverse = _inverse(vectors)
    whole = np.floor(positions @ inverse)
    inside = positions - whole @ vectors
    tree = cKDTree(inside)
    # Wrapping rounds; the last line judges by the positions themselves.
    radius = 1.001 * cutoff + 1e-14 * np.abs(inside).max()
    reach = np.ceil(1.001 * cutoff * np.linalg.norm(inverse, axis=0)).astype(int)
    found = []
    for image in product(*(range(-n, n + 1) for n in reach)):
        others = cKDTree(inside + np.array(image, float) @ vectors)
        near = tree.sparse_distance_matrix(others, radius, output_type="ndarray")
        i, j = near["i"], near["j"]
        if not any(image):
            i, j = i[i != j], j[i != j]
        images = np.array(image, float) + whole[i] - whole[j]
        found.append(np.column_stack([i, j, images]))
    rows = np.concatenate(found)
    rows = rows[np.lexsort(rows.T[::-1])]
    i, j, shifts = rows[:, 0].astype(int), rows[:, 1].astype(int), rows[:, 2:] @ vectors
    near = np.linalg.norm(positions[j] + shifts - positions[i], axis=1) < cutoff
    return i[near], j[near], shifts[near]
