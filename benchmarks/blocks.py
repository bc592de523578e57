"""Means and drifts of fluctuating quantities, with standard errors from block averages.

The error is the largest found with long and short blocks: blocks that are shorter than the
correlation time are not independent, and their error would be too small.

The error of a drift has a second part. Steps across a kink of the potential leave the total energy
a little higher or lower for good: it walks at random, and no block is independent of those before.
The residuals of a straight line then say little about the error of its slope.
"""

import numpy as np
from scipy.stats import linregress

from benchmarks.report import Check, at_most

LIMIT = 1.0  # µeV/atom/ps
BLOCKS = (40, 20, 10)
FAR = 4  # distance, in blocks, of the means whose differences tell a walk from fluctuations


def slope(times: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Slope by regression over block means, and its standard error, a random walk's included."""
    lines = [linregress(_means(times, n), _means(values, n)) for n in BLOCKS]
    scatter = max(line.stderr for line in lines)
    return float(lines[0].slope), float(np.hypot(scatter, _walk(times, values)))


def _walk(times: np.ndarray, values: np.ndarray) -> float:
    """Standard error of the slope of values that walk at random; 0 where none is seen.

    Means of blocks k apart differ by 2 v + q (k - 1/3) in the mean square, where v is the variance
    of the fluctuations and q the walk's mean square displacement during one block. The slope of a
    straight line through a walk over n blocks has the variance 6 q / 5 n.
    """
    x, y = _means(times, BLOCKS[0]), _means(values, BLOCKS[0])
    if len(y) <= 2 * FAR:
        return 0.0
    near, far = (np.var(y[k:] - y[:-k], ddof=1) for k in (1, FAR))
    square = max(0.0, far - near) / (FAR - 1)
    return float(np.sqrt(6 / 5 * square / len(y)) / (x[1] - x[0]))


def mean(values: np.ndarray) -> tuple[float, float]:
    """Mean of the values and its standard error."""
    blocks = [_means(values, n) for n in BLOCKS]
    return float(values.mean()), float(max(b.std(ddof=1) / np.sqrt(len(b)) for b in blocks))


def _means(values: np.ndarray, n_blocks: int) -> np.ndarray:
    parts = np.array_split(values, min(n_blocks, len(values) // 2))
    return np.array([part.mean() for part in parts])


def drift_check(name: str, drift: tuple[float, float] | None, reason: str = "") -> Check:
    """Compare a drift (slope and standard error, µeV/atom/ps) with the bar; it is not judged if the
    bar lies within two standard errors, or if there is no drift, for which ``reason`` says why."""
    if drift is None:
        return at_most(f"{name}, drift of the total energy, µeV/atom/ps", None, LIMIT, reason)
    value, error = abs(drift[0]), drift[1]
    undecided = value - 2 * error <= LIMIT < value + 2 * error
    why = "within two standard errors of the limit: run for longer" if undecided else None
    what = f"{name}, drift of the total energy (± {error:.2g}), µeV/atom/ps"
    return at_most(what, value, LIMIT, why)
