"""Drift of a total energy, told from its fluctuation."""

import numpy as np

from hipnn_ts.benchmark import Check

LIMIT = 1.0  # µeV/atom/ps
BLOCKS = (40, 20, 10)


def slope(times: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Slope by regression over means of blocks, and its standard error.

    The error is the largest of those of long and of short blocks: means of blocks that are shorter
    than the energy's memory are not independent, and their error would be too small.
    """
    lines = [_line(times, values, min(n, len(times) // 2)) for n in BLOCKS]
    return lines[0][0], max(error for _, error in lines)


def _line(times: np.ndarray, values: np.ndarray, n_blocks: int) -> tuple[float, float]:
    x, y = (
        np.array([part.mean() for part in np.array_split(v, n_blocks)]) for v in (times, values)
    )
    centred = x - x.mean()
    gradient = centred @ y / (centred @ centred)
    residual = y - y.mean() - gradient * centred
    error = np.sqrt(residual @ residual / (len(x) - 2) / (centred @ centred))
    return float(gradient), float(error)


def drift_check(name: str, drift: float, error: float) -> Check:
    """Against the bar, µeV/atom/ps; not judged where two errors reach it."""
    low, high = abs(drift) - 2 * error, abs(drift) + 2 * error
    undecided = low <= LIMIT < high
    return Check(
        name=f"{name}, drift of the total energy (± {error:.2g}), µeV/atom/ps",
        value=abs(drift),
        limit=LIMIT,
        better="lower",
        reason="within two standard errors of the limit: run for longer" if undecided else None,
    )
