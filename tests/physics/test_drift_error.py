"""The error that benchmarks quote with a drift of the energy covers what the drift is off by."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "blocks.py"
TIMES = np.arange(1, 11001) * 0.025  # ps


@pytest.fixture(scope="module")
def blocks():
    spec = importlib.util.spec_from_file_location("benchmark_blocks", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _slopes(blocks, make) -> tuple[np.ndarray, np.ndarray]:
    """Of fifty records without drift, and their errors."""
    random = np.random.default_rng(0)
    found = [blocks.slope(TIMES, make(random)) for _ in range(50)]
    return np.array(found).T


def _noise(random) -> np.ndarray:
    """Of a step, µeV/atom: Verlet's energy about the one that it conserves."""
    return 17.0 * random.normal(size=len(TIMES))


def test_random_walk(blocks):
    """Of the square that water of the demo was seen to walk at 0.5 fs, 200 (µeV/atom)² a ps."""

    def make(random):
        steps = random.normal(size=len(TIMES)) * np.sqrt(200 * TIMES[0])
        return np.cumsum(steps) + _noise(random)

    slopes, errors = _slopes(blocks, make)
    assert np.median(errors) == pytest.approx(slopes.std(), rel=0.3)
    assert (abs(slopes) > 2 * errors).mean() < 0.15


def test_noise_alone(blocks):
    slopes, errors = _slopes(blocks, _noise)
    assert slopes.std() < np.sqrt(np.mean(errors**2)) < 5 * slopes.std()


def test_drift_is_found(blocks):
    drift, error = blocks.slope(TIMES, 3.0 * TIMES + _noise(np.random.default_rng(0)))
    assert drift == pytest.approx(3.0, abs=0.02) and error < 0.02
