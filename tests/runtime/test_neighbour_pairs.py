"""The runtime's neighbour search for Python, in all, some or no directions."""

import numpy as np
import pytest

from hipnn_ts import _core
from hipnn_ts.neighbours import neighbour_pairs

CUTOFF = 3.0


def canonical(i, j, vectors):
    rows = np.column_stack([i, j, vectors])
    return rows[np.lexsort(rows.round(6).T[::-1])]


def both(positions, cell, pbc, n_threads=1):
    ours = _core.neighbour_pairs(positions, cell, pbc, CUTOFF, n_threads)
    i, j, shifts = neighbour_pairs(positions, cell, np.array(pbc), CUTOFF)
    return ours, (i, j, positions[j] + shifts - positions[i])


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
        n = int(random.choice([1, 5, 40, 100, 400]))
        positions = random.uniform(-2, 2, (n, 3)) @ cell
        ours, vesin = both(positions, cell, pbc, n_threads=2)
        np.testing.assert_allclose(canonical(*ours), canonical(*vesin), rtol=0, atol=1e-9)
        assert (np.diff(ours[0] * n + ours[1]) >= 0).all()
        found += len(ours[0])
        own_images += int((ours[0] == ours[1]).sum())
    assert found > 10_000
    assert own_images > 50


@pytest.mark.parametrize("shape", [(500.0, 500.0, 4.0), (2000.0, 2000.0, 4.0), (4.0, 4.0, 1e6)])
@pytest.mark.parametrize("pbc", ["FFF", "TTF", "FFT", "TFF", "FTT"])
def test_flat_and_long_spaces(shape, pbc):
    random = np.random.default_rng(5)
    cell = np.diag(shape)
    cell[2, 0] = 1.0
    centres = np.repeat([[0, 0, 0], [0.5, 0.5, 0.5], [0.7, 0.2, 0.9]], 30, axis=0) @ cell
    positions = centres + random.uniform(-2, 2, (90, 3))
    ours, python = both(positions, cell, [each == "T" for each in pbc])
    assert len(ours[0]) > 200
    np.testing.assert_allclose(canonical(*ours), canonical(*python), rtol=0, atol=1e-7)


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
