"""The runtime's neighbour search, called from Python, with any periodicity."""

import numpy as np
import pytest
from every_image import every_image, sorted_pairs

from hipnn_ts import _core

CUTOFF = 3.0


@pytest.mark.parametrize("seed", range(3))
def test_random_cells_in_every_periodicity(seed):
    random = np.random.default_rng(seed)
    found = own_images = 0
    for k in range(80):
        lengths = CUTOFF * 3.0 ** random.uniform(-1, 1, 3)
        cell = np.diag(lengths) + random.uniform(-0.45, 0.45, (3, 3)) * lengths
        if 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0).max() < CUTOFF / 3.5:
            continue
        pbc = [bool(k >> axis & 1) for axis in range(3)]
        n = int(random.choice([1, 5, 40, 60] if any(pbc) else [1, 5, 40, 400]))
        positions = random.uniform(-2, 2, (n, 3)) @ cell
        ours = _core.neighbour_pairs(positions, cell, pbc, CUTOFF, 2)
        wanted = every_image(positions, cell, pbc, CUTOFF)
        np.testing.assert_allclose(sorted_pairs(*ours), wanted, rtol=0, atol=1e-9)
        assert (np.diff(ours[0] * n + ours[1]) >= 0).all()
        found += len(ours[0])
        own_images += int((ours[0] == ours[1]).sum())
    assert found > 10_000
    assert own_images > 50


@pytest.mark.parametrize(
    ("cell", "pbc"),
    [
        (np.zeros((3, 3)), (True, True, False)),
        (np.ones((3, 3)), (True, True, False)),
        (np.zeros((3, 3)), (False, True, False)),
        (np.diag([5.0, np.nan, 5.0]), (True, True, True)),
    ],
)
def test_vectors_that_depend_on_each_other(cell, pbc):
    with pytest.raises(ValueError, match=r"^expected independent box vectors in the periodic"):
        _core.neighbour_pairs(np.zeros((1, 3)), cell, pbc, CUTOFF)


def test_a_cutoff_that_is_no_distance():
    with pytest.raises(ValueError, match=r"^cutoff: expected a distance"):
        _core.neighbour_pairs(np.zeros((1, 3)), np.eye(3), (True, True, False), np.nan)
