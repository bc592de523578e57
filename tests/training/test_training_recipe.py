"""Effects of the recipe's options in whole runs, also on data that lacks labels."""

import csv

import numpy as np
import pytest
import torch
from ase.io import write

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data.read import read_frames
from hipnn_ts.errors import InputError
from hipnn_ts.export import export_potential
from hipnn_ts.training.batches import EpochBatches
from hipnn_ts.training.config import parse_config
from hipnn_ts.training.fit import train
from hipnn_ts.training.prepare import prepare

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def frames(small_molecules):
    return read_frames(small_molecules)


@pytest.fixture
def run(settings, tmp_path):
    """Function that trains on ``frames``, written to a file; returns the output directory."""

    def go(frames, data=None, name="out", network=None, **training):
        write(tmp_path / "data.xyz", frames, format="extxyz")
        content = settings(**{"epochs": 2, **training}).model_dump(mode="json")
        content["data"] = {"train": [str(tmp_path / "data.xyz")], "validation": 0.2} | (data or {})
        content["network"] |= network or {}
        train(parse_config(content, "run.yaml"), tmp_path / name)
        return tmp_path / name

    return go


def rows(output):
    with (output / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def without(frames, label, every=1):
    out = [frame.copy() for frame in frames]
    for index, (old, new) in enumerate(zip(frames, out, strict=True)):
        new.calc = type(old.calc)(new, **old.calc.results)
        if index % every == 0:
            del new.calc.results[label]
    return out


def test_energies_alone_are_learned(frames, run):
    # With broad sensitivities, energies alone are learned more slowly.
    network = {"sensitivity_width": None}
    output = run(without(frames, "forces"), network=network, loss={"forces": 0}, epochs=60)
    _, provenance = load_checkpoint(output / "best.ckpt")
    errors = provenance["validation_errors"]
    assert set(errors) == {"energy_mae", "energy_rmse"}
    first, *_, last = rows(output)
    assert float(last["validation_energy_rmse"]) < 0.5 * float(first["validation_energy_rmse"])


def test_energies_alone_are_not_taken_for_a_slip(frames, run):
    with pytest.raises(
        InputError, match=r"data\.xyz: expected reference values of forces, found none"
    ):
        run(without(frames, "forces"))


def test_forces_of_some_configurations_are_enough(frames, run):
    output = run(without(frames, "forces", every=2), epochs=10)
    first, *_, last = rows(output)
    assert float(last["validation_forces_rmse"]) < 0.5 * float(first["validation_forces_rmse"])


def test_what_has_no_weight_is_not_learned(frames, run):
    """Methane with wrong energies does not disturb training if its weight is zero."""
    spoiled = without(frames, "forces", every=len(frames) + 1)
    for frame in spoiled:
        if frame.info["config_type"].startswith("CH4"):
            frame.calc.results["energy"] += 50.0
            frame.info["config_type"] = "spoiled"
    data = {"config_type_weights": {"spoiled": 0.0}}
    output = run(spoiled, data, epochs=8, self_energies={"H": -13, "C": -50, "N": -71, "O": -104})
    assert float(rows(output)[-1]["validation_loss"]) < 0.5 * float(
        rows(output)[0]["validation_loss"]
    )
    with pytest.raises(InputError, match=r"config_type_weights: 'spoilt': expected a config_"):
        run(spoiled, {"config_type_weights": {"spoilt": 0.0}}, name="slip")


def test_the_average_follows_the_weights(frames, settings, tmp_path):
    train(settings(epochs=2, ema_decay=0.99), tmp_path / "average")
    train(settings(epochs=2, ema_decay=None), tmp_path / "plain")
    state = torch.load(tmp_path / "average" / "last.ckpt", weights_only=True)["loop"]
    plain = torch.load(tmp_path / "plain" / "last.ckpt", weights_only=True)["loop"]
    best = load_checkpoint(tmp_path / "average" / "best.ckpt")[0].state_dict()
    key = "blocks.0.interaction.weights"
    assert torch.equal(state["weights"][key], plain["weights"][key])
    assert torch.equal(best[key], state["average"][key])
    assert not torch.equal(best[key], state["weights"][key])


def test_self_energies_fixed_given_and_trained(frames, settings, tmp_path):
    given = {"H": -13.0, "C": -1030.0, "N": -1480.0, "O": -2040.0}
    found = {}
    for name, option in (("fit", "least_squares"), ("given", given), ("trained", "trained")):
        train(settings(epochs=1, self_energies=option), tmp_path / name)
        potential, provenance = load_checkpoint(tmp_path / name / "best.ckpt")
        assert potential.self_energies.dtype == torch.float64
        found[name] = potential.self_energies
        export_potential(potential, tmp_path / name / "model.pt", provenance)
    assert torch.equal(found["fit"], prepare(settings()).self_energies)
    assert found["given"].tolist() == list(given.values())
    difference = (found["trained"] - found["fit"]).abs()
    assert difference.min() > 1e-4 and difference.max() < 1.0
    with pytest.raises(InputError, match="expected one energy for each of H C N O, found H C"):
        train(settings(self_energies={"H": 1.0, "C": 2.0}), tmp_path / "few")


def test_patience_raises_the_batch_and_lowers_the_rate(settings, tmp_path):
    schedule = {"kind": "patience", "patience": 1, "max_batch_size": 32}
    # Validate the weights themselves, since their average would go on improving.
    given = {"batch_size": 16, "schedule": schedule, "early_stop": 8, "ema_decay": None}
    train(settings(epochs=40, **given), tmp_path)
    log = rows(tmp_path)
    sizes = [int(row["batch_size"]) for row in log]
    rates = [float(row["learning_rate"]) for row in log]
    assert sizes == sorted(sizes) and set(sizes) == {16, 32}
    assert rates == sorted(rates, reverse=True) and rates[-1] < rates[0]
    losses = [float(row["validation_loss"]) for row in log]
    if len(log) < 40:  # stopped early, `early_stop` epochs after the best
        assert len(losses) - 1 - int(np.argmin(losses)) == 8


def test_early_stop_ends_a_run_that_does_not_improve(settings, tmp_path):
    train(settings(epochs=50, learning_rate=1e-12, early_stop=2), tmp_path)
    losses = [float(row["validation_loss"]) for row in rows(tmp_path)]
    assert len(losses) < 50
    assert len(losses) - 1 - int(np.argmin(losses)) == 2


def test_the_second_stage_changes_what_is_minimised(settings, tmp_path):
    """Energies have no weight in the first stage and much in the second."""
    first = {"energy": 0.0, "forces": 1.0}
    second = {"start": 0.5, "loss": {"energy": 5.0, "forces": 1.0}}
    train(settings(epochs=10, loss=first, second_stage=second), tmp_path / "two")
    train(settings(epochs=10, loss=first), tmp_path / "one")
    last = {
        name: float(rows(tmp_path / name)[-1]["validation_energy_rmse"]) for name in ("one", "two")
    }
    assert last["two"] < 0.7 * last["one"]


def test_energies_weigh_more_in_the_last_quarter(settings, tmp_path):
    """late_energy changes the last quarter only; a second stage has its own loss weights."""
    second = {"start": 0.5, "loss": {"energy": 0.5, "forces": 1.0, "late_energy": 9.0}}
    losses = {}
    for name, training in (
        ("same", {"loss": {"late_energy": 1.0}}),
        ("late", {"loss": {"late_energy": 4.0}}),
        ("second", {"second_stage": second}),
        ("second, other factor", {"second_stage": second, "loss": {"late_energy": 5.0}}),
    ):
        train(settings(epochs=4, **training), tmp_path / name)
        losses[name] = [float(row["training_loss"]) for row in rows(tmp_path / name)]
    assert losses["same"][:3] == losses["late"][:3]
    assert losses["late"][3] > losses["same"][3]
    assert losses["second"] == losses["second, other factor"]


def test_batches_cover_an_epoch_within_their_limits():
    sizes = np.random.default_rng(0).integers(1, 40, 57).tolist()
    batches = EpochBatches(sizes, 8, 60, seed=1, epoch=0)
    found = list(batches)
    assert sorted(index for batch in found for index in batch) == list(range(57))
    assert len(batches) == len(found)
    assert all(len(batch) <= 8 for batch in found)
    assert all(sum(sizes[i] for i in batch) <= 60 or len(batch) == 1 for batch in found)
    assert list(EpochBatches(sizes, 8, 60, 1, 0, start=3)) == found[3:]
    assert list(EpochBatches(sizes, 8, 60, 1, epoch=1)) != found
    alone = EpochBatches([99], 8, 60, 1, 0)
    assert list(alone) == [[0]]


def test_processes_share_each_batch():
    sizes = [1] * 9
    whole = list(EpochBatches(sizes, 4, None, 1, 0))
    parts = [list(EpochBatches(sizes, 4, None, 1, 0, rank=rank, n_ranks=2)) for rank in (0, 1)]
    assert [len(batch) for batch in whole] == [4, 4, 1]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert first and second
        assert sorted(i for i in first + second if i >= 0) == sorted(batch)
    assert parts[1][-1] == [~whole[-1][0]]  # idle process: a configuration of weight zero


def test_large_configurations_make_small_batches(settings, tmp_path):
    train(settings(epochs=1, max_atoms_per_batch=10), tmp_path / "few")
    train(settings(epochs=1), tmp_path / "many")
    steps = {
        name: torch.load(tmp_path / name / "last.ckpt", weights_only=True)["loop"]["progress"][
            "steps"
        ]
        for name in ("few", "many")
    }
    assert steps["many"] == 36
    assert steps["few"] > 1.5 * steps["many"]
