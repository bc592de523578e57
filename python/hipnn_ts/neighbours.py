"""Neighbour pairs from positions, for all code that runs in Python."""

import re

import numpy as np

from hipnn_ts import _core
from hipnn_ts.errors import InputError


def independent(vectors: np.ndarray) -> bool:
    """Whether vectors (k, 3) are nonzero and span k dimensions."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (lengths > 0).all():
        return False
    return len(vectors) == 0 or np.linalg.matrix_rank(vectors / lengths, tol=1e-6) == len(vectors)


def check_cell(cell: np.ndarray, periodic: np.ndarray) -> None:
    """Raise InputError if a cell (3, 3) is not finite, or lacks vectors that ``periodic`` (3,)
    needs."""
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
    """All directed pairs within the cutoff, sorted by receiver, with every periodic image.

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
        A position or the cell is not finite, periodic cell vectors are missing or linearly
        dependent, the cell is far narrower than the cutoff, or an atom is a million cells away.
    """
    positions = np.asarray(positions, float)
    cell, periodic = np.asarray(cell, float), np.asarray(periodic, bool)
    check_cell(cell, periodic)
    try:
        # On one thread, because callers have many frames and several processes.
        receivers, senders, vectors = _core.neighbour_pairs(
            positions, cell, periodic.tolist(), cutoff, 1
        )
    except ValueError as error:
        raise refusal(error, positions, cell, periodic) from error
    if not periodic.any():
        return receivers, senders, np.zeros_like(vectors)
    # Integer translations, without the rounding of the difference.
    rounded = vectors - (positions[senders] - positions[receivers])
    images = np.rint(rounded @ _inverse(cell[periodic]))
    return receivers, senders, images @ cell[periodic]


def refusal(
    error: ValueError, positions: np.ndarray, cell: np.ndarray, periodic: np.ndarray
) -> InputError:
    """The runtime's refusal as an InputError with the values that are wrong.

    Parameters
    ----------
    error : the error of the runtime
    positions, cell, periodic : arguments of :func:`neighbour_pairs`
    """
    text = str(error)
    pair = re.match(r"atoms (\d+) and (\d+): expected distinct positions", text)
    if pair is not None:
        return InputError(coincident(positions, int(pair[1]), int(pair[2])))
    if "far narrower" in text:
        height = (1.0 / np.linalg.norm(_inverse(cell[periodic]), axis=0)).min()
        return InputError(
            "expected a cell that is not far narrower than the cutoff, found one of height "
            f"{height:.3g} Å"
        )
    atom = re.match(r"atom (\d+): (expected .*), found", text)
    if atom is None:
        return InputError(text)
    found = positions[int(atom[1])].tolist()
    if "near the box" in text:
        return InputError(
            f"atom {atom[1]}: expected coordinates near the cell, found {found}, a million cells "
            "away"
        )
    return InputError(f"atom {atom[1]}: {atom[2]}, found {found}")


def coincident(positions: np.ndarray, i: int, j: int) -> str:
    """The sentence about two atoms at one place, images included."""
    return f"atoms {i} and {j}: expected distinct positions, found both at {positions[i].tolist()}"


def _inverse(vectors: np.ndarray) -> np.ndarray:
    """Inverse of cell vectors (k, 3): positions times it, (3, k), are fractions of the vectors.

    Applied to unit vectors, because pinv treats vectors 1e15 times shorter than the longest as
    zero.
    """
    lengths = np.linalg.norm(vectors, axis=1)
    return np.linalg.pinv(vectors / lengths[:, None]) / lengths
