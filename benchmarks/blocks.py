"""Means and drifts of what fluctuates, with standard errors from means of blocks.

An error is the largest of those of long and of short blocks: blocks that are shorter than the
memory of what fluctuates are not independent, and their error would be too small.

The error of a drift has another part. Steps that meet a kink of the potential leave the total
energy a little higher or lower for good: it walks at random, and no block is independent of those
before. What is left about a straight line then says little of how far its slope is off.
"""

import numpy as np
from scipy.stats import linregress

from benchmarks.report import Check, at_most

LIMIT = 1.0  # µeV/atom/ps
BLOCKS = (40, 20, 10)
FAR = 4  # blocks, between those that tell a walk from what fluctuates about it


def slope(times: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """By regression over blocks, and its standard error, that of a random walk included."""
    lines = [linregress(_means(times, n), _means(values, n)) for n in BLOCKS]
    scatter = max(line.stderr for line in lines)
    return float(lines[0].slope), float(np.hypot(scatter, _walk(times, values)))


def _walk(times: np.ndarray, values: np.ndarray) -> float:
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


def drift_check(name: str, drift: tuple[float, float] | None, reason: str = "") -> Check:
    """A slope and its error, µeV/atom/ps, against the bar; not judged where two errors reach it, or
    where there is none for a ``reason``."""
    if drift is None:
        return at_most(f"{name}, drift of the total energy, µeV/atom/ps", None, LIMIT, reason)
    value, error = abs(drift[0]), drift[1]
    undecided = value - 2 * error <= LIMIT < value + 2 * error
    why = "within two standard errors of the limit: run for longer" if undecided else None
    what = f"{name}, drift of the total energy (± {error:.2g}), µeV/atom/ps"
    return at_most(what, value, LIMIT, why)
