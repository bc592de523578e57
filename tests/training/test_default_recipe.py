"""Defaults of the training recipe, and the values that older files keep."""

import copy

import pytest
import torch
import yaml

from hipnn_ts.checkpoint import load_checkpoint, save_checkpoint
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.config import network_config, parse_config, read_config
from hipnn_ts.training.fit import train
from hipnn_ts.training.recipe import completed
from hipnn_ts.training.sections import TrainingConfig

pytestmark = pytest.mark.slow

HIPPYNN_SIGMA = 2 * 8 * 0.75  # 2 n_sensitivities soft_min


def with_network(config, **keys):
    return config.model_copy(update={"network": config.network | keys})


def first_sigma(config):
    potential = Potential(network_config(config, ["H", "O"]))
    return potential.blocks[0].interaction.sigma.tolist()


def test_sensitivities_are_broad_unless_hippynns_are_asked_for(settings):
    config = settings()
    assert first_sigma(config) == pytest.approx([0.75 / 0.1] * 8)
    assert first_sigma(with_network(config, sensitivity_width=0.2)) == pytest.approx([3.75] * 8)
    assert first_sigma(with_network(config, sensitivity_width=None)) == [HIPPYNN_SIGMA] * 8


def test_one_on_site_layer_unless_others_are_asked_for(settings):
    """Training defaults to one layer; NetworkConfig by itself defaults to hippynn's three."""
    config = settings()
    del config.network["n_atom_layers"]
    assert network_config(config, ["H"]).n_atom_layers == 1
    assert network_config(with_network(config, n_atom_layers=2), ["H"]).n_atom_layers == 2
    assert NetworkConfig(elements=("H",)).n_atom_layers == 3


@pytest.mark.parametrize("width", [None, 0.2])
def test_the_resolved_configuration_keeps_the_width(settings, tmp_path, width):
    train(with_network(settings(epochs=1), sensitivity_width=width), tmp_path)
    again = read_config(tmp_path / "config.yaml")
    assert network_config(again, ["H"]).sensitivity_width == width
    assert load_checkpoint(tmp_path / "best.ckpt")[0].config.sensitivity_width == width


def test_files_without_the_width_keep_hippynns(tmp_path, settings):
    """Earlier checkpoints and imported models keep hippynn's width, as do runs that start there."""
    old = Potential(NetworkConfig(elements=("H", "C", "N", "O"), **settings().network))
    assert old.blocks[0].interaction.sigma.tolist() == [HIPPYNN_SIGMA] * 8
    save_checkpoint(tmp_path / "old.ckpt", old, {})
    stored = torch.load(tmp_path / "old.ckpt", weights_only=True)
    assert "sensitivity_width" not in stored["network"]
    assert load_checkpoint(tmp_path / "old.ckpt")[0].config == old.config

    start_from = str(tmp_path / "old.ckpt")
    content = settings(epochs=1, learning_rate=1e-30, start_from=start_from).model_dump(mode="json")
    content["network"] = {}
    train(parse_config(content, "run.yaml"), tmp_path / "out")
    tuned = load_checkpoint(tmp_path / "out" / "best.ckpt")[0]
    assert tuned.config == old.config
    assert torch.equal(tuned.blocks[0].interaction.sigma, old.blocks[0].interaction.sigma)
    again = network_config(read_config(tmp_path / "out" / "config.yaml"), ["H"])
    assert again.sensitivity_width is None


@pytest.mark.parametrize(
    ("n_atoms", "size", "by_adam"),
    [
        ([27] * 450, 9, 5),
        ([192] * 320, 1, 1),
        ([9] * 900, 28, 14),
        ([9] * 60, 3, 3),
        ([5], 1, 1),
        ([300] * 9, 1, 1),
    ],
)
def test_the_batch_follows_the_data(n_atoms, size, by_adam):
    assert completed(TrainingConfig(epochs=1), n_atoms).batch_size == size
    assert completed(TrainingConfig(epochs=1, optimizer="adam"), n_atoms).batch_size == by_adam
    given = TrainingConfig(epochs=1, batch_size=7, learning_rate=0.5)
    assert completed(given, n_atoms) == given
    schedule = {"kind": "patience", "max_batch_size": 2}
    bounded = TrainingConfig(epochs=1, schedule=schedule)
    assert completed(bounded, n_atoms).batch_size == (1 if size == 1 else 2)


@pytest.mark.parametrize(("optimizer", "rate"), [("soap", 6e-3), ("adam", 3e-3)])
def test_the_rate_is_that_of_the_optimiser(optimizer, rate):
    open_rate = TrainingConfig(epochs=1, optimizer=optimizer)
    assert completed(open_rate, [3]).learning_rate == rate
    given = TrainingConfig(epochs=1, optimizer=optimizer, learning_rate=0.1)
    assert completed(given, [3]).learning_rate == 0.1


def test_a_run_says_what_it_chose(settings, tmp_path):
    """The messages name the batch size, the sensitivities and the rate of a run on 144 frames."""
    content = copy.deepcopy(settings(epochs=1).model_dump(mode="json"))
    content["training"]["batch_size"] = None
    lines = []
    train(parse_config(content, "run.yaml"), tmp_path, tell=lines.append)
    said = "\n".join(line for line in lines if line.startswith("recipe: "))
    assert "7 configurations in a step (a 20th of the data)" in said
    assert "8 sensitivities, at first 0.1 wide (broad: narrow ones fit noise" in said
    assert "soap at rate 0.01, cosine" in said
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["training"]["batch_size"] == 7
