"""The error that benchmarks quote with a drift of the energy covers what the drift is off by."""

import numpy as np
import pytest

from benchmarks import blocks

pytestmark = pytest.mark.slow

TIMES = np.arange(1, 11001) * 0.025  # ps
NOISE = 17.0  # µeV/atom


def _slopes(make) -> tuple[np.ndarray, np.ndarray]:
    """Of fifty records without drift, and their errors."""
    random = np.random.default_rng(0)
    found = [blocks.slope(TIMES, make(random)) for _ in range(50)]
    return np.array(found).T


def _noise(random) -> np.ndarray:
    """Of a step: Verlet's energy about the one that it conserves."""
    return NOISE * random.normal(size=len(TIMES))


def test_random_walk():
    """Of the square that water of the demo was seen to walk at 0.5 fs, 200 (µeV/atom)² a ps."""

    def make(random):
        steps = random.normal(size=len(TIMES)) * np.sqrt(200 * TIMES[0])
        return np.cumsum(steps) + _noise(random)

    slopes, errors = _slopes(make)
    assert np.median(errors) == pytest.approx(slopes.std(), rel=0.3)
    assert (abs(slopes) > 2 * errors).mean() < 0.15


def test_noise_alone():
    """The error of a straight line through it is known; blocks find it, or a little more because
    half of the records look like a walk by chance."""
    slopes, errors = _slopes(_noise)
    exact = NOISE / np.sqrt(len(TIMES)) / TIMES.std()
    assert slopes.std() == pytest.approx(exact, rel=0.25)
    assert exact < np.median(errors) < 1.5 * exact
    assert (abs(slopes) > 2 * errors).mean() < 0.1


def test_drift_is_found():
    drift, error = blocks.slope(TIMES, 3.0 * TIMES + _noise(np.random.default_rng(0)))
    assert drift == pytest.approx(3.0, abs=0.02) and error < 0.02
