"""Schedule, regulariser and initial weights equal hippynn's own."""

import warnings
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.config import network_config, parse_config
from hipnn_ts.training.loss import squared_weights
from hipnn_ts.training.schedule import Schedule
from hipnn_ts.training.sections import TrainingConfig

pytestmark = pytest.mark.slow

hippynn = pytest.importorskip("hippynn")

CONFIG = NetworkConfig(
    elements=("H", "C", "O"), n_features=(24, 24), n_atom_layers=2, cutoff=5.0, soft_max=4.5
)


@pytest.mark.parametrize("patience", [1, 3])
def test_plateaus_change_batch_size_and_rate_when_hippynn_does(patience):
    from hippynn.experiment.controllers import Controller, RaiseBatchSizeOnPlateau

    schedule = {"kind": "patience", "patience": patience, "max_batch_size": 48}
    ours = Schedule(TrainingConfig(epochs=1, batch_size=8, learning_rate=0.01, schedule=schedule))
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = RaiseBatchSizeOnPlateau(optimizer, max_batch_size=48, patience=patience)
        theirs = Controller(optimizer, scheduler, 8, 1000, "loss", quiet=True)
    random = np.random.default_rng(patience)
    losses = np.exp(-0.05 * np.arange(80)) * random.uniform(1, 2, 80) + 0.3
    seen = set()
    for epoch, loss in enumerate(losses):
        ours.epoch_ends(loss)
        theirs.push_epoch(epoch, False, float(loss))
        assert ours.batch_size == theirs.batch_size, epoch
        assert ours.rate(0.5) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12), epoch
        seen.add((ours.batch_size, ours.rate(0.5)))
    assert len(seen) > 5  # batch raised thrice, rate lowered at least twice


def theirs_of(name):
    """Return hippynn's names for one of our parameters."""
    _, block, kind, *rest = name.split(".")
    if kind == "onsite":
        layer, part, entry = rest
        place = {"inner": "base_layer", "outer": "res_layer"}[part]
        return [f"blocks.{block}.{int(layer) + 1}.{place}.{entry}"]
    if kind in ("outer", "adjust"):
        place = {"outer": "res_layer", "adjust": "adjust_layer"}[kind]
        return [f"blocks.{block}.0.{place}.{rest[0]}"]
    names = {
        "weights": ["int_weights"],
        "mu": ["sensitivity.mu"],
        "sigma": ["sensitivity.sigma"],
        "scales": ["vecscales", "quadscales"],
    }
    entries = names.get(rest[0]) or [f"selfint.{rest[1]}"]
    return [f"blocks.{block}.0.base_layer.{entry}" for entry in entries]


def weights_of(network, name):
    """Return hippynn's values of one of our parameters, as a flat tensor."""
    return torch.cat([network[theirs].flatten() for theirs in theirs_of(name)])


def build_theirs(config=CONFIG):
    from hippynn.networks.hipnn import HipnnQuad

    return HipnnQuad(
        n_features=24,
        n_sensitivities=config.n_sensitivities,
        dist_soft_min=config.soft_min,
        dist_soft_max=config.soft_max,
        dist_hard_max=config.cutoff,
        n_atom_layers=CONFIG.n_atom_layers,
        n_interaction_layers=2,
        possible_species=[0, 1, 6, 8],
        cusp_reg=1e-6,
    )


def test_initial_weights_are_distributed_as_in_hippynn():
    torch.manual_seed(0)
    ours = [dict(Potential(CONFIG).blocks.named_parameters(prefix="blocks")) for _ in range(40)]
    theirs = [dict(build_theirs().named_parameters()) for _ in range(40)]
    assert sorted(chain.from_iterable(map(theirs_of, ours[0]))) == sorted(theirs[0])
    for name in ours[0]:
        a = torch.stack([network[name].flatten() for network in ours])
        b = torch.stack([weights_of(network, name) for network in theirs])
        if name.endswith(("mu", "sigma")):
            assert torch.allclose(a, b, rtol=1e-5), name
            continue
        spread = b.std().item()
        # Five standard errors of the mean and, for nearly normal values, of the deviation.
        tolerance = 5 * spread * (2 / a.numel()) ** 0.5
        assert a.mean().item() == pytest.approx(b.mean().item(), abs=tolerance), name
        assert a.std().item() == pytest.approx(spread, abs=tolerance), name
        assert a.abs().max().item() == pytest.approx(b.abs().max().item(), rel=0.3), name


def test_the_recipe_of_the_docs_is_hippynns():
    """The recipe in docs/migrate.md sets every key whose default differs to hippynn's value."""
    page = (Path(__file__).parents[2] / "docs" / "migrate.md").read_text()
    block = page.split("## Train the same recipe")[1].split("```yaml\n")[1].split("```")[0]
    config = parse_config(yaml.safe_load(block), "migrate.md")
    network = network_config(config, ["H", "C", "O"])
    ours = Potential(network).blocks[0].interaction
    theirs = build_theirs(network).blocks[0][0].base_layer
    for name in ("mu", "sigma"):
        assert torch.allclose(getattr(ours, name), getattr(theirs.sensitivity, name), rtol=1e-5)
    training = config.training
    assert training.ema_decay is None and training.schedule.kind == "patience"
    assert training.gradient_clipping >= 1e6
    loss = training.loss
    assert (loss.rmse, loss.mae, loss.mse, loss.late_energy) == (1, 1, 0, 1)
    assert (loss.energy, loss.forces, loss.energy_per) == (1, 1, "configuration")
    assert (loss.l2, loss.hierarchicality) == (1e-6, 0.01)


def test_the_regulariser_is_hippynns():
    from hippynn.layers.regularization import LPReg

    network, potential = build_theirs(), Potential(CONFIG)
    weights = dict(network.named_parameters())
    with torch.no_grad():
        for name, parameter in potential.blocks.named_parameters(prefix="blocks"):
            parameter.copy_(weights_of(weights, name).reshape(parameter.shape))
    assert squared_weights(potential).item() == pytest.approx(LPReg(network)().item(), rel=1e-6)
