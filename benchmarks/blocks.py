"""Means and drifts of what fluctuates, with standard errors from means of blocks.

An error is the largest of those of long and of short blocks: blocks that are shorter than the
memory of what fluctuates are not independent, and their error would be too small.

The error of a drift has another part. Steps that meet a kink of the potential leave the total
energy a little higher or lower for good: it walks at random, and no block is independent of those
before. What is left about a straight line then says little of how far its slope is off.
"""

import numpy as np

from benchmarks.report import Check, at_most

LIMIT = 1.0  # µeV/atom/ps
BLOCKS = (40, 20, 10)
FAR = 4  # blocks, between those that tell a walk from what fluctuates about it


def slope(times: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """By regression over blocks, and its standard error, that of a random walk included."""
    lines = [_line(_means(times, n), _means(values, n)) for n in BLOCKS]
    scatter = max(error for _, error in lines)
    return lines[0][0], float(np.hypot(scatter, walk(times, values)))


def walk(times: np.ndarray, values: np.ndarray) -> float:
    """Standard error of the slope of values that walk at random; 0 where none is seen.

    Means of blocks k apart differ by 2 v + q (k - 1/3) in the square, with v what fluctuates and q
    the walk's square in a block. A straight line through a walk over n blocks is off by 6 q / 5 n.
    """
    x, y = _means(times, BLOCKS[0]), _means(values, BLOCKS[0])
    if len(y) <= 2 * FAR:
        return 0.0
    near, far = (np.var(y[k:] - y[:-k], ddof=1) for k in (1, FAR))
    square = max(0.0, far - near) / (FAR - 1)
    return float(np.sqrt(6 / 5 * square / len(y)) / (x[1] - x[0]))


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
    undecided = abs(drift) - 2 * error <= LIMIT < abs(drift) + 2 * error
    reason = "within two standard errors of the limit: run for longer" if undecided else None
    what = f"{name}, drift of the total energy (± {error:.2g}), µeV/atom/ps"
    return at_most(what, abs(drift), LIMIT, reason)


def drift_of(name: str, drift: tuple[float, float] | None, reason: str) -> Check:
    """The same of a slope and its error; for ``reason`` not judged where there are none."""
    if drift is None:
        return at_most(f"{name}, drift of the total energy, µeV/atom/ps", None, LIMIT, reason)
    return drift_check(name, *drift)
