"""Results and memory of large systems, which go through the last block in batches."""

from functools import cache

import pytest
import torch

from hipnn_ts.export.exported import FusedPotential, PortablePotential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

pytestmark = pytest.mark.slow

N_ATOMS = 10400  # more than 200 tiles of 48
CUTOFF = 6.0


def chain(order, ring=False):
    """Return inputs for atoms along a line in the given order; a ring is periodic."""
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(N_ATOMS, 3, generator=generator, dtype=torch.float64)
    x = x * torch.tensor([0.0, 3.0, 3.0])
    x[:, 0] = 0.8 * torch.arange(N_ATOMS)
    species = torch.randint(0, 2, (N_ATOMS,), generator=generator)
    ends = [
        (i, i + step)
        for step in range(-7, 8)
        if step
        for i in (torch.arange(N_ATOMS)[slice(-step, None) if step < 0 else slice(-step)],)
    ]
    if ring:
        i = torch.arange(N_ATOMS)
        ends = [(i, (i + step) % N_ATOMS) for step in range(-7, 8) if step]
    receivers = torch.cat([i for i, _ in ends])
    senders = torch.cat([j for _, j in ends])
    vectors = x[senders] - x[receivers]
    length = 0.8 * N_ATOMS
    vectors[:, 0] -= length * (vectors[:, 0] / length).round()
    near = vectors.norm(dim=1) < CUTOFF
    number = torch.empty(N_ATOMS, dtype=torch.long)
    number[order] = torch.arange(N_ATOMS)
    return species[order], number[receivers[near]], number[senders[near]], vectors[near]


def potential(*n_features):
    torch.manual_seed(5)
    config = NetworkConfig(
        elements=("H", "O"), n_features=n_features, n_sensitivities=20, cutoff=CUTOFF
    )
    return Potential(config).double()


ORDERS = {
    "sorted": torch.arange(N_ATOMS),
    "reversed": torch.arange(N_ATOMS).flip(0),
    "random": torch.randperm(N_ATOMS, generator=torch.Generator().manual_seed(2)),
    "two-ends-first": torch.arange(N_ATOMS).reshape(2, -1).T.reshape(-1),
}


@cache
def expected(n_features, ring):
    """Return the results of plain torch, with atoms sorted along the chain."""
    portable = PortablePotential(potential(*n_features), torch.float64)
    return portable.energies_and_pair_gradients(*chain(ORDERS["sorted"], ring))


# Every order with two blocks, the fewest with messages; other numbers of blocks with fewer orders.
CASES = [((8, 9), ring, order) for ring in (False, True) for order in ORDERS]
CASES += [((8,), False, "random"), ((8, 9, 7), True, "random"), ((8, 9, 7), True, "sorted")]


@pytest.mark.parametrize(("n_features", "ring", "order"), CASES, ids=str)
def test_batches_equal_the_model_in_any_order_of_atoms(n_features, ring, order):
    fused = FusedPotential(potential(*n_features), torch.float64)
    found = fused.energies_and_pair_gradients(*chain(ORDERS[order], ring))
    energies, gradients = expected(n_features, ring)
    for values, wanted in zip(found, (energies[ORDERS[order]], gradients), strict=True):
        assert (values - wanted).abs().max() <= 1e-12 * wanted.abs().max()


def memory_per_atom(order, n_features, ring=False):
    fused = FusedPotential(potential(*n_features), torch.float32)
    arguments = chain(ORDERS[order], ring)

    fused.energies_and_pair_gradients(*arguments)
    return torch.ops.hipnn_ts.inference_bytes(fused.weights[0]) / N_ATOMS


def test_memory_holds_neither_projections_nor_last_moments_of_all_atoms():
    """With a features, an atom keeps 9 radial moments for each of 20 sensitivities and 2 species,
    4 a slopes of the first block, and 2 a features and their gradients. Projections would take
    20 a more, and the moments of the last block 9 a more."""
    a = 64
    kept = 4 * (9 * 20 * 2 + 4 * a + 2 * a)
    assert memory_per_atom("random", (a, a)) > kept + 4 * a * (20 + 9)
    # A batch is a tenth of the chain; scratch and pairs come on top. In a ring, the senders where
    # the chain closes are visited twice.
    for ring in (False, True):
        assert memory_per_atom("sorted", (a, a), ring) < kept + 4 * a * (20 + 9) * 0.15 + 600
