"""The staged calls of the C interface, as made by an engine with distributed atoms."""

import numpy as np
import pytest
import torch
from c_library import INVALID_ARGUMENT, CError, Library

from hipnn_ts import _core

pytestmark = pytest.mark.slow

CUTOFF = 4.0


@pytest.fixture(scope="module")
def library():
    return Library()


class Rank:
    """A rank that owns some of the atoms, with all others as ghosts."""

    def __init__(self, model, own, species, pairs, dtype):
        self.stages, self.model = model.stages(), model
        n = len(species)
        self.order = np.concatenate([own, np.setdiff1d(np.arange(n), own)])
        row = np.argsort(self.order).astype(np.int32)
        receivers, senders, vectors = pairs
        mine = np.isin(receivers, own)
        self.receivers, self.senders = row[receivers[mine]], row[senders[mine]]
        self.vectors = np.ascontiguousarray(vectors[mine], dtype)
        self.species, self.n_own = np.ascontiguousarray(species[self.order]), len(own)
        self.energies, self.gradients = np.zeros(self.n_own), np.zeros_like(self.vectors)
        self.forces = np.full((n, 3), np.nan)
        self.stages.begin(self.n_own, self.species, self.receivers, self.senders, self.vectors)

    def of_all(self, values):
        """Return values in the order of all atoms, from rows of this rank."""
        out = np.zeros((len(self.order), *values.shape[1:]), values.dtype)
        out[self.order[: len(values)]] = values
        return out


def step(ranks, dtype, member=None):
    """Make one step with ranks that exchange features and gradients; return atomic energies and
    forces (n, 3). With ``member``, evaluate that member of a committee on the same pairs."""
    model = ranks[0].model
    for rank in ranks if member is not None else ():
        rank.stages.call("member", member)
        rank.energies[:], rank.gradients[:] = 0, 0
    n, n_blocks = len(ranks[0].order), model.n_blocks()
    widths = [model.block_width(k) for k in range(n_blocks)]
    features = [None] * len(ranks)
    for k in range(n_blocks - 1):
        out = [np.full((rank.n_own, widths[k]), np.nan, dtype) for rank in ranks]
        for rank, entering, leaving in zip(ranks, features, out, strict=True):
            rank.stages.call("forward", k, entering, leaving, rank.energies)
        whole = sum(rank.of_all(each) for rank, each in zip(ranks, out, strict=True))
        features = [np.ascontiguousarray(whole[rank.order]) for rank in ranks]
        for rank, each in zip(ranks, features, strict=True):
            rank.kept = [*getattr(rank, "kept", []), each]  # must live until the step is over

    def summed(gradients):
        return sum(rank.of_all(each) for rank, each in zip(ranks, gradients, strict=True))

    gradients = [None] * len(ranks)
    if n_blocks > 1:
        gradients = [np.full((n, widths[-2]), np.nan, dtype) for _ in ranks]
    for rank, entering, out in zip(ranks, features, gradients, strict=True):
        rank.stages.call("last", entering, rank.energies, out, rank.gradients)
    for k in range(n_blocks - 2, -1, -1):
        whole = summed(gradients)
        arriving = [np.ascontiguousarray(whole[rank.order][: rank.n_own]) for rank in ranks]
        gradients = [None if k == 0 else np.full((n, widths[k - 1]), np.nan, dtype) for _ in ranks]
        for rank, each, out in zip(ranks, arriving, gradients, strict=True):
            rank.stages.call("backward", k, each, out, rank.gradients)
    for rank in ranks:
        rank.stages.call("forces", rank.gradients, rank.forces)
    return sum(r.of_all(r.energies) for r in ranks), sum(r.of_all(r.forces) for r in ranks)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_two_ranks_compute_what_one_does(library, random_model, water, dtype, blocks):
    path = random_model(dtype, n_features=(8, 9, 7)[:blocks])
    atoms = water(3)
    species = (atoms.numbers == 8).astype(np.int64)
    model = library.load(path)
    pairs = _core.neighbour_pairs(atoms.positions, atoms.cell.array, atoms.pbc, CUTOFF)
    real = np.float64 if dtype == torch.float64 else np.float32
    left = atoms.positions[:, 0] < 4.0
    owned = [np.flatnonzero(left), np.flatnonzero(~left)]
    energies, forces = step([Rank(model, own, species, pairs, real) for own in owned], real)
    whole = (
        library.load(path).evaluation().compute(atoms.numbers, atoms.positions, atoms.cell.array)
    )
    free = np.array([model.self_energy(int(k)) for k in species])
    tolerance = 1e-10 if real is np.float64 else 1e-5
    np.testing.assert_allclose(energies, whole[1] - free, rtol=0, atol=tolerance)
    np.testing.assert_allclose(forces, whole[2], rtol=0, atol=tolerance)
    assert np.abs(forces).max() > 0.05


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_members_take_turns_on_the_same_pairs(library, random_committee, water, blocks):
    path = random_committee(n_features=(8, 9, 7)[:blocks])
    atoms = water(3)
    species = (atoms.numbers == 8).astype(np.int64)
    model = library.load(path)
    pairs = _core.neighbour_pairs(atoms.positions, atoms.cell.array, atoms.pbc, CUTOFF)
    left = atoms.positions[:, 0] < 4.0
    owned = [np.flatnonzero(left), np.flatnonzero(~left)]
    ranks = [Rank(model, own, species, pairs, np.float64) for own in owned]
    evaluation = model.evaluation()
    for member in (2, 0, 3, 1, 2):
        energies, forces = step(ranks, np.float64, member)
        evaluation.members(member, False)
        whole = evaluation.compute(atoms.numbers, atoms.positions, atoms.cell.array)
        free = np.array([model.member_self_energy(member, int(k)) for k in species])
        np.testing.assert_allclose(energies, whole[1] - free, rtol=0, atol=1e-10)
        np.testing.assert_allclose(forces, whole[2], rtol=0, atol=1e-10)
    with pytest.raises(CError, match=r"^member: expected 0 to 3, found 4$"):
        ranks[0].stages.call("member", 4)


def test_mistakes_are_named(library, random_model):
    stages = library.load(random_model()).stages()
    ends, vectors = np.array([0, 1], np.int32), np.ones((2, 3))
    species = np.array([0, 1], np.int64)
    out, energies = np.zeros((2, 8)), np.zeros(2)
    gradients = np.zeros((2, 3))

    def refused(sentence, function, *arguments):
        with pytest.raises(CError, match=sentence) as error:
            function(*arguments)
        assert error.value.status == INVALID_ARGUMENT

    refused("no step begun", stages.call, "forward", 0, None, out, energies)
    refused("no step begun", stages.call, "forces", gradients, gradients)
    refused("^n_receivers: expected 0 to 2", stages.begin, 3, species, ends, ends[::-1], vectors)
    refused("^pair 1: expected an atom", stages.begin, 2, species, ends, ends + 1, vectors)
    refused("^pair 1: expected an atom", stages.begin, 1, species, ends, ends, vectors)
    refused(
        "^atom 1: expected a species below 2", stages.begin, 2, species * 7, ends, ends, vectors
    )
    refused("^vectors: expected a pointer", stages.begin, 2, species, ends, ends, None)
    refused("no step begun", stages.call, "forward", 0, None, out, energies)
    stages.begin(2, species, ends, np.ascontiguousarray(ends[::-1]), vectors)
    stages.call("forward", 0, None, out, energies)
    for block in (-1, 1, 2):
        refused("^block: expected 0 to 0", stages.call, "forward", block, out, out, energies)
        refused("^block: expected 0 to 0", stages.call, "backward", block, out, out, vectors)
