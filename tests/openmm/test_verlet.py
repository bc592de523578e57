import numpy as np
import pytest
import torch

from hipnn_ts.neighbours import neighbour_pairs
from hipnn_ts.openmm.verlet import SKIN, VerletList

CUTOFF = 3.0
BOX = np.array([[7.0, 0, 0], [2.0, 6.5, 0], [-1.0, 1.5, 7.5]])


def _pairs_within(receivers, senders, vectors):
    """Sorted rows (receiver, sender, vector) of the pairs within the cutoff."""
    rows = np.column_stack([receivers, senders, vectors])
    rows = rows[np.linalg.norm(vectors, axis=1) < CUTOFF]
    return rows[np.lexsort(rows.round(6).T[::-1])]


@pytest.mark.parametrize("periodic", [True, False])
def test_no_pair_is_missed_while_atoms_walk(periodic):
    random = np.random.default_rng(1)
    positions = random.uniform(0, 7, (40, 3))
    pairs = torch.jit.script(VerletList(CUTOFF, periodic))
    searches = 0
    for step in range(300):
        box = BOX * (1.01 if 100 <= step < 103 else 1.0)
        own = torch.from_numpy(positions)
        if pairs.outdated(own, torch.from_numpy(box)):
            pairs.search(own, torch.from_numpy(box))
            searches += 1
        found = _pairs_within(*(each.numpy() for each in pairs(own)))
        i, j, shifts = neighbour_pairs(positions, box, np.full(3, periodic), CUTOFF)
        wanted = _pairs_within(i, j, positions[j] + shifts - positions[i])
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)
        positions = positions + random.normal(0, 0.02, positions.shape)
    # A list that is never kept, or never renewed, would pass too.
    assert 5 < searches < 100


def test_renewed_when_the_box_changes_or_an_atom_passes_half_the_skin():
    positions = torch.rand((5, 3), dtype=torch.float64)
    box = torch.eye(3, dtype=torch.float64) * 8
    pairs = VerletList(CUTOFF, True)
    assert pairs.outdated(positions, box)
    pairs.search(positions, box)
    assert not pairs.outdated(positions, box)
    assert pairs.outdated(positions, box * 1.0001)
    moved = positions.clone()
    moved[3, 1] += 0.499 * SKIN
    assert not pairs.outdated(moved, box)
    moved[3, 1] += 0.002 * SKIN
    assert pairs.outdated(moved, box)
    moved[3, 1] = torch.nan
    assert pairs.outdated(moved, box)
