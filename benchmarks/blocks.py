"""Means and drifts of what fluctuates, with standard errors from means of blocks.

An error is the largest of those of long and of short blocks: blocks that are shorter than the
memory of what fluctuates are not independent, and their error would be too small.
"""

import numpy as np

from hipnn_ts.benchmark import Check

LIMIT = 1.0  # µeV/atom/ps
BLOCKS = (40, 20, 10)


def slope(times: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """By regression over blocks, and its standard error."""
    lines = [_line(_means(times, n), _means(values, n)) for n in BLOCKS]
    return lines[0][0], max(error for _, error in lines)


def mean(values: np.ndarray) -> tuple[float, float]:
    """And its standard error."""
    blocks = [_means(values, n) for n in BLOCKS]
    return float(values.mean()), float(max(b.std(ddof=1) / np.sqrt(len(b)) for b in blocks))


def _means(values: np.ndarray, n_blocks: int) -> np.ndarray:
    parts = np.array_split(values, min(n_blocks, len(values) // 2))
    return np.array([part.mean() for part in parts])


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
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


def drift_of(name: str, drift: tuple[float, float] | None, reason: str) -> Check:
    """The same of a slope and its error; for ``reason`` not judged where there are none."""
    if drift is None:
        name = f"{name}, drift of the total energy, µeV/atom/ps"
        return Check(name=name, value=None, limit=LIMIT, better="lower", reason=reason)
    return drift_check(name, *drift)
