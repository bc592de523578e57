"""The repulsion on its own, and its part in a potential's energies."""

import pytest
import torch
from test_potential import pairs

from hipnn_ts.model import derivatives
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.repulsion import Repulsion

INNER, OUTER = 1.0, 2.5


def config(zbl=(INNER, OUTER), **architecture):
    return NetworkConfig(elements=("H", "O"), n_features=(12, 12), zbl=zbl, **architecture)


def of_distances(distances):
    """Return the energies (n, 2) in eV of an H and an O atom at distances (n,)."""
    n = len(distances)
    species = torch.tensor([0, 1]).repeat(n)
    first, second = 2 * torch.arange(n), 2 * torch.arange(n) + 1
    vectors = torch.stack([distances, torch.zeros_like(distances)], dim=1)
    vectors = torch.cat([vectors, torch.zeros_like(distances)[:, None]], dim=1)
    receivers, senders = torch.cat([first, second]), torch.cat([second, first])
    ends = receivers, senders, torch.cat([vectors, -vectors])
    return Repulsion(config())(species, *ends, 2 * n).view(n, 2)


def derivatives_of(distances):
    """Return energy, slope and curvature (3, n) at the distances."""
    r = distances.clone().requires_grad_()
    energy = of_distances(r).sum(dim=1)
    (slope,) = torch.autograd.grad(energy.sum(), r, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), r)
    return torch.stack([energy, slope, curvature]).detach()


def test_two_atoms_share_their_energy():
    energies = of_distances(torch.tensor([0.3, 1.0, 1.7, 2.6], dtype=torch.float64))
    assert torch.equal(energies[:, 0], energies[:, 1])
    assert energies[0, 0] > 50 and (energies[:3] > 0).all() and not energies[3].any()


def test_the_formula():
    """Below the inner radius, energies equal the screened Coulomb energy up to a constant."""
    r = torch.tensor([0.3, 0.9], dtype=torch.float64)
    x = r * (1 + 8**0.23) / 0.46850
    screening = (
        0.18175 * torch.exp(-3.19980 * x)
        + 0.50986 * torch.exp(-0.94229 * x)
        + 0.28022 * torch.exp(-0.40290 * x)
        + 0.02817 * torch.exp(-0.20162 * x)
    )
    expected = 14.399645 * 8 / r * screening
    found = of_distances(r).sum(dim=1)
    torch.testing.assert_close(found[0] - found[1], expected[0] - expected[1])


def test_radii_of_each_pair():
    """With radii per pair of elements, each pair has the same energy as if all had its radii."""
    radii = {"H-H": (0.3, 1.1), "H-O": (0.5, 1.5), "O-O": (1.0, 2.5)}
    species, receivers, senders, vectors = pairs()
    ends = receivers, senders, 0.5 * vectors
    found = Repulsion(config(radii))(species, *ends, len(species))
    expected = torch.zeros_like(found)
    names = [
        {(0, 0): "H-H", (1, 1): "O-O"}.get(tuple(p), "H-O")
        for p in species[torch.stack([receivers, senders], 1)].tolist()
    ]
    for name, own in radii.items():
        chosen = torch.tensor([each == name for each in names])
        alone = Repulsion(config(own))(species, *(end[chosen] for end in ends), len(species))
        assert alone.max() > 0.1
        expected += alone
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("radius", [INNER, OUTER])
def test_smooth_to_second_order_at_both_radii(radius):
    near = torch.tensor([radius - 1e-9, radius + 1e-9], dtype=torch.float64)
    below, above = derivatives_of(near).unbind(dim=1)
    torch.testing.assert_close(below, above, rtol=1e-7, atol=1e-6)
    if radius == OUTER:
        assert not above.any()


def test_derivatives():
    r = torch.tensor([0.3, 0.7, 1.4, 2.2, 2.45], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(of_distances, r)
    assert torch.autograd.gradgradcheck(of_distances, r)


@pytest.mark.parametrize("fused", [True, False])
def test_in_the_energies_and_not_in_the_networks(fused):
    with_it = Potential(config(), fused).double()
    without = Potential(config().model_copy(update={"zbl": None}), fused).double()
    without.load_state_dict(with_it.state_dict())
    species, receivers, senders, vectors = pairs()
    found = []
    for model in (with_it, torch.jit.script(with_it)):
        leaf = vectors.clone().requires_grad_()
        energies = model(species, receivers, senders, leaf)
        found.append((energies, derivatives.pair_gradients(energies, leaf)))
    leaf = vectors.clone().requires_grad_()
    energies = without(species, receivers, senders, leaf)
    repulsion = with_it.repulsion(species, receivers, senders, leaf, len(species))
    assert repulsion.max() > 1.0
    energies = energies + repulsion
    expected = energies, derivatives.pair_gradients(energies, leaf)
    for each in found:
        for a, b in zip(each, expected, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    arguments = species, receivers, senders, vectors
    assert torch.equal(with_it.energy_terms(*arguments), without.energy_terms(*arguments))


def test_block_by_block():
    """Blocks can be evaluated one by one, as LAMMPS does, with species from one-hot features."""
    model = Potential(config(), fused=False).double()
    species, *ends = pairs()
    features, energies = model.encode(species), model.self_energies[species]
    for index in range(2):
        features, share = model.block(index, features, *ends, len(species))
        energies = energies + share
    torch.testing.assert_close(energies, model(species, *ends), rtol=1e-12, atol=1e-12)


def test_single_precision_rounds_the_vectors_and_nothing_else():
    species, receivers, senders, vectors = pairs()
    repulsion = Repulsion(config())
    single = repulsion(species, receivers, senders, vectors.float(), len(species))
    double = repulsion(species, receivers, senders, vectors.float().double(), len(species))
    assert torch.equal(single, double)


def test_networks_without_are_described_as_before():
    """Networks without a repulsion have no key for it: earlier versions refuse unknown keys."""
    assert "zbl" not in NetworkConfig(elements=("H",)).model_dump()
    assert "zbl" not in NetworkConfig(elements=("H",)).model_dump_json()
    assert config().model_dump(mode="json")["zbl"] == [INNER, OUTER]
    assert "repulsion" not in str(Potential(NetworkConfig(elements=("H",))))
