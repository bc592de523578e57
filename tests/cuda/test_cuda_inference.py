"""The CUDA kernels of the network, emulated on the CPU, equal the CPU's code in float64."""

import copy

import architectures
import pytest
import torch
from architectures import RADII
from comparing import largest

from hipnn_ts.export.exported import FusedPotential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

pytestmark = pytest.mark.slow

ARCHITECTURES = {
    **architectures.ARCHITECTURES,
    "l1-two-lanes": {"l_max": 1, "n_features": (20, 70, 17)},
    "l2-two-lanes": {"n_features": (64, 64)},
    "l2-four-lanes": {"n_features": (128, 128), "n_atom_layers": 2},
    "l3-two-lanes": {"l_max": 3, "n_features": (20, 70, 17)},
    "middle-widths": {"n_features": (16, 24), "n_middle_features": (40, 12)},
    "repulsion": {
        "n_features": (12, 12),
        "zbl": RADII | {"C-C": (1, 3), "C-H": (1, 2), "C-O": (1, 3)},
    },
    "repulsion-one-block": {"n_features": (33,), "zbl": (1.0, 2.5)},
}


def potential(**architecture):
    torch.manual_seed(3)
    return Potential(
        NetworkConfig(elements=("H", "C", "O"), **{"n_atom_layers": 1, **architecture})
    ).double()


def atoms_at_random(n_atoms=12, box=6.0):
    generator = torch.Generator().manual_seed(n_atoms)
    x = torch.rand(n_atoms, 3, generator=generator, dtype=torch.float64) * box
    return torch.randint(0, 3, (n_atoms,), generator=generator), x


def configuration(n_atoms=12, box=6.0, cutoff=7.0):
    """Return species, receivers, senders and vectors: pairs in random order, some beyond 6.5 Å."""
    species, x = atoms_at_random(n_atoms, box)
    generator = torch.Generator().manual_seed(n_atoms)
    apart = torch.cdist(x, x) + 100.0 * torch.eye(n_atoms)
    receivers, senders = torch.where((apart < cutoff) & (apart > 0.6))
    order = torch.randperm(len(receivers), generator=generator)
    receivers, senders = receivers[order], senders[order]
    return species, receivers, senders, x[senders] - x[receivers]


def size(values):
    return largest(1.0, values.abs().max().item()) if values.numel() else 1.0


def last_bias(fused):
    """Return the readout bias of the last block, a view into the document."""
    return fused.weights[0][-8:].view(torch.float64)


def assert_equal(
    emulated, model, arguments, dtype=torch.float64, tolerance=1e-10, other_members=()
):
    fused = FusedPotential(model, dtype, *other_members)
    packed = fused.weights
    found = emulated.evaluate(*arguments, *packed)
    expected = torch.ops.hipnn_ts.evaluate(*arguments, *packed)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance * size(b))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_equals_the_cpu(emulated, name):
    assert_equal(emulated, potential(**ARCHITECTURES[name]), configuration())


@pytest.mark.parametrize("name", ["l2-two-lanes", "l2-four-lanes", "middle-widths", "repulsion"])
def test_single_precision(emulated, name):
    model = potential(**ARCHITECTURES[name])
    assert_equal(emulated, model, configuration(), torch.float32, tolerance=1e-5)


@pytest.mark.parametrize("name", ["l2-two-lanes", "repulsion"])
def test_committees(emulated, name):
    """The mean is right even if the members' sensitivities act at different distances."""
    model = potential(**ARCHITECTURES[name])
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter *= 1.1
        for block in other.blocks:
            block.interaction.sigma *= 3
    assert_equal(emulated, model, configuration(), other_members=[other, model])


def test_more_neighbours_than_a_tile(emulated):
    arguments = configuration(n_atoms=45, box=5.0)
    assert torch.bincount(arguments[1]).max() > 32
    assert_equal(emulated, potential(n_features=(8, 8)), arguments)


def test_atoms_without_neighbours_and_no_atoms(emulated):
    none = torch.empty(0, dtype=torch.int64)
    vectors = torch.empty(0, 3, dtype=torch.float64)
    model = potential(n_features=(8, 8))
    assert_equal(emulated, model, (torch.tensor([0, 1, 1]), none, none, vectors))
    assert_equal(emulated, model, (none, none, none, vectors))


def test_wide_sensitivities_all_take_part(emulated):
    model = potential(n_features=(8, 8))
    with torch.no_grad():
        for block in model.blocks:
            block.interaction.sigma /= 20
    assert_equal(emulated, model, configuration())


def test_a_distance_that_is_no_number_reaches_the_energy(emulated):
    species, receivers, senders, vectors = configuration()
    vectors[0, 1] = torch.nan
    fused = FusedPotential(potential(n_features=(8, 8)), torch.float64)
    energies, _ = emulated.evaluate(species, receivers, senders, vectors, *fused.weights)
    assert energies[receivers[0]].isnan()


@pytest.mark.parametrize("position", [0, 1, 2])
def test_indices_out_of_range_leave_no_energy(emulated, position):
    arguments = list(configuration())
    arguments[position] = arguments[position].clone()
    arguments[position][3] = -1
    fused = FusedPotential(potential(n_features=(8, 8)), torch.float64)
    energies, _ = emulated.evaluate(*arguments, *fused.weights)
    assert energies.isnan().all()


def test_changed_weights_are_noticed(emulated):
    model, arguments = potential(n_features=(8, 8)), configuration()
    fused = FusedPotential(model, torch.float64)
    packed = fused.weights
    before = emulated.evaluate(*arguments, *packed)[0]
    last_bias(fused).add_(1.0)
    after = emulated.evaluate(*arguments, *packed)[0]
    torch.testing.assert_close(after, before + 1.0)


def test_another_storage_is_noticed(emulated):
    """Replacing the storage of the weights does not change torch's version counter."""
    model, arguments = potential(n_features=(8, 8)), configuration()
    fused = FusedPotential(model, torch.float64)
    packed = fused.weights
    before = emulated.evaluate(*arguments, *packed)[0]
    other = FusedPotential(model, torch.float64)
    last_bias(other).add_(1.0)
    fused.weights[0].data = other.weights[0]
    after = emulated.evaluate(*arguments, *packed)[0]
    torch.testing.assert_close(after, before + 1.0)


def test_changes_in_inference_mode_are_noticed(emulated):
    """Tensors created in inference mode have no version counter."""
    arguments = configuration()
    with torch.inference_mode():
        fused = FusedPotential(potential(n_features=(8, 8)), torch.float64)
        packed = fused.weights
        before = emulated.evaluate(*arguments, *packed)[0]
        last_bias(fused).add_(1.0)
        after = emulated.evaluate(*arguments, *packed)[0]
    torch.testing.assert_close(after, before + 1.0)


@pytest.mark.parametrize(
    ("position", "change", "sentence"),
    [
        (0, lambda t: t.int(), "species: expected Long, found Int"),
        (2, lambda t: t[:-1], "senders: expected shape"),
        (3, lambda t: t[:, :2], "vectors: expected shape"),
    ],
)
def test_bad_arguments_stop_with_one_sentence(emulated, position, change, sentence):
    arguments = list(configuration())
    arguments[position] = change(arguments[position])
    fused = FusedPotential(potential(n_features=(8,)), torch.float64)
    with pytest.raises(RuntimeError, match=sentence):
        emulated.evaluate(*arguments, *fused.weights)


@pytest.mark.parametrize(
    "name", ["l2-one-block", "l1-three-blocks", "middle-widths", "repulsion", "repulsion-one-block"]
)
def test_block_by_block_with_ghosts_as_in_lammps(emulated, name):
    model = potential(**ARCHITECTURES[name])
    fused = FusedPotential(model, torch.float64)
    species, positions, n_receivers = *atoms_at_random(), 8
    apart = torch.cdist(positions, positions) + 100.0 * torch.eye(len(species))
    receivers, senders = torch.where(apart[:n_receivers] < model.config.cutoff)
    generator = torch.Generator().manual_seed(1)
    ghosts = [
        torch.rand(len(species) - n_receivers, width, generator=generator, dtype=torch.float64)
        for width in model.config.n_features[:-1]
    ]
    arguments = (n_receivers, species, positions, receivers, senders, ghosts, *fused.weights)
    found, expected = (emulated.blocks(where, *arguments) for where in (True, False))
    assert len(found) == 3 + len(ghosts)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-10 * size(b))
