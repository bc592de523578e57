"""A network takes over the weights of another network that has other elements."""

import copy

import pytest
import torch

from hipnn_ts.errors import InputError
from hipnn_ts.model import derivatives
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.fine_tuning import StartingPoint, take_over_weights

SMALL = {"n_features": [6, 8], "n_atom_layers": 1, "n_sensitivities": 5}


def potential(elements, fused=True, seed=0, **architecture):
    torch.manual_seed(seed)
    made = Potential(NetworkConfig(elements=tuple(elements), **{**SMALL, **architecture}), fused)
    made.self_energies += torch.arange(1.0, len(elements) + 1, dtype=torch.float64)
    return made


def answers(model, symbols):
    """Return atomic energies and forces of a random cluster of the given atoms."""
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(len(symbols), 3, generator=generator) * 3.0
    receivers, senders = torch.where(torch.cdist(x, x) > 0)
    vectors = (x[senders] - x[receivers]).requires_grad_(True)
    species = torch.tensor([model.config.elements.index(symbol) for symbol in symbols])
    energies = model(species, receivers, senders, vectors)
    gradients = derivatives.pair_gradients(energies, vectors)
    return energies.detach(), derivatives.forces(gradients, receivers, senders, len(symbols))


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(
    ("old", "new", "architecture"),
    [
        ("HCNO", "HCNOS", {}),  # one element more
        ("HCNO", "SOH", {}),  # one new element, two dropped, another order
        ("HCNO", "OHCN", {"l_max": 1}),  # only another order
        ("HCNO", "HCNOSPF", {"n_features": [4, 8]}),  # as many elements as features, then more
        ("HCNO", "HCNOS", {"residual": False}),
        ("HO", "HOS", {"zbl": [0.5, 1.5]}),
    ],
)
def test_old_elements_behave_exactly_as_before(old, new, architecture, fused):
    start = StartingPoint(None, potential(old, fused, **architecture), {})
    other = potential(new, fused, seed=1, **architecture)
    fresh = copy.deepcopy(other.state_dict())
    other.self_energies.zero_()
    take_over_weights(start, other)
    kept = [symbol for symbol in new if symbol in old]
    symbols = kept * 3
    for before, after in zip(
        answers(start.potential, symbols), answers(other, symbols), strict=True
    ):
        assert before.abs().max() > 0
        assert torch.equal(before, after)
    for index, symbol in enumerate(new):
        rows = other.blocks[0].interaction.weights[:, :, index]
        first = fresh["blocks.0.interaction.weights"][:, :, index]
        assert torch.equal(rows, first) == (symbol not in old)


def test_elements_that_cannot_change(tmp_path):
    """With as many elements as features, the residual path adds one-hot species to the features."""
    start = StartingPoint(tmp_path / "old.ckpt", potential("HCNO"), {})
    sentence = (
        r"network\.elements: expected H C N O, as in training\.start_from .* found H C N O S P"
    )
    with pytest.raises(InputError, match=sentence):
        take_over_weights(start, potential("HCNOSP"))
