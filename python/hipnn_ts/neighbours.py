"""Neighbour pairs from positions, for everything that runs in Python."""

import numpy as np
from vesin import NeighborList

from hipnn_ts.errors import InputError


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
        A position is not finite.
    """
    bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
    if bad.size:
        raise InputError(
            f"atom {bad[0]}: expected finite coordinates, found {positions[bad[0]].tolist()}"
        )
    if len(positions) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 3))
    search = NeighborList(cutoff=cutoff, full_list=True, sorted=True)
    i, j, images = search.compute(
        positions,
        box=np.asarray(cell, float),
        periodic=np.asarray(periodic, bool),
        quantities="ijS",
    )
    return i.astype(np.int64), j.astype(np.int64), images.astype(float) @ np.asarray(cell, float)
