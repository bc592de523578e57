"""The error that benchmarks quote for a drift of the energy covers the true deviation."""

import numpy as np
import pytest

from benchmarks import blocks

pytestmark = pytest.mark.slow

TIMES = np.arange(1, 11001) * 0.025  # ps
NOISE = 17.0  # µeV/atom


def _slopes(make) -> tuple[np.ndarray, np.ndarray]:
    """Return the slopes of fifty records without drift, and their estimated errors."""
    random = np.random.default_rng(0)
    found = [blocks.slope(TIMES, make(random)) for _ in range(50)]
    return np.array(found).T


def _noise(random) -> np.ndarray:
    """Return noise per step, like Verlet's energy around the conserved one."""
    return NOISE * random.normal(size=len(TIMES))


def test_random_walk():
    """The error is right for a random walk of 200 (µeV/atom)²/ps, as in the demo at 0.5 fs."""

    def make(random):
        steps = random.normal(size=len(TIMES)) * np.sqrt(200 * TIMES[0])
        return np.cumsum(steps) + _noise(random)

    slopes, errors = _slopes(make)
    assert np.median(errors) == pytest.approx(slopes.std(), rel=0.3)
    assert (abs(slopes) > 2 * errors).mean() < 0.15


def test_noise_alone():
    """For noise alone the exact error of the slope is known; the estimate equals it or is a little
    larger, because half of the records look like a walk by chance."""
    slopes, errors = _slopes(_noise)
    exact = NOISE / np.sqrt(len(TIMES)) / TIMES.std()
    assert slopes.std() == pytest.approx(exact, rel=0.25)
    assert exact < np.median(errors) < 1.5 * exact
    assert (abs(slopes) > 2 * errors).mean() < 0.1


def test_drift_is_found():
    drift, error = blocks.slope(TIMES, 3.0 * TIMES + _noise(np.random.default_rng(0)))
    assert drift == pytest.approx(3.0, abs=0.02) and error < 0.02
