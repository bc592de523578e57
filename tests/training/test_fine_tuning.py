"""Training from a checkpoint: what it keeps, what it changes, and which mistakes it refuses."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.io import write

from hipnn_ts.checkpoint import load_checkpoint, save_checkpoint
from hipnn_ts.data.read import read_frames
from hipnn_ts.errors import InputError
from hipnn_ts.evaluation import compare, evaluate
from hipnn_ts.export import export_potential, load_exported
from hipnn_ts.model.potential import Potential
from hipnn_ts.training import fit
from hipnn_ts.training.config import parse_config, read_config
from hipnn_ts.training.fine_tuning import StartingPoint, take_over_weights
from hipnn_ts.training.fit import train

pytestmark = pytest.mark.slow

MOLECULES = Path(__file__).parents[2] / "examples" / "reference_data" / "molecules.extxyz.xz"


@pytest.fixture(scope="module")
def molecules(tmp_path_factory):
    """Folder with 240 frames of water, ammonia, methanol and ethane for the first run, and with 20
    frames of ethanol for fine-tuning and 40 for testing."""
    folder = tmp_path_factory.mktemp("molecules")
    frames = {name: [] for name in ("H2O", "NH3", "CH3OH", "C2H6", "CH3CH2OH")}
    for frame in read_frames(MOLECULES):
        name = frame.info["config_type"].partition("_")[0]
        if name in frames:
            frames[name].append(frame)
    ethanol = frames.pop("CH3CH2OH")
    order = np.random.default_rng(0).permutation(len(ethanol))
    write(folder / "few.extxyz", [ethanol[index] for index in order[:20]])
    write(folder / "rest.extxyz", [ethanol[index] for index in order[20:]])
    write(folder / "first.extxyz", [frame for part in frames.values() for frame in part])
    return folder


@pytest.fixture(scope="module")
def finished(molecules, tmp_path_factory):
    """Directory of the run that fine-tuning starts from."""
    content = {
        "network": {
            "n_features": [12],
            "n_atom_layers": 1,
            "n_sensitivities": 8,
            "cutoff": 5.0,
            "soft_max": 4.0,
        },
        "data": {"train": str(molecules / "first.extxyz"), "validation": 0.2},
        "training": {"epochs": 20, "batch_size": 4, "learning_rate": 0.01},
    }
    output = tmp_path_factory.mktemp("finished") / "out"
    train(parse_config(content, "first.yaml"), output)
    return output


@pytest.fixture(scope="module")
def tuning(molecules, finished):
    """Function that returns the configuration of a short fine-tuning run on ethanol."""

    def make(start_from=finished / "best.ckpt", data="few.extxyz", network=None, **training):
        content = {
            "network": network or {},
            "data": {"train": str(molecules / data), "validation": 0.2, "seed": 1},
            "training": {
                "epochs": 20,
                "batch_size": 2,
                "learning_rate": 0.003,
                "start_from": str(start_from),
            }
            | training,
        }
        return parse_config(content, "run.yaml")

    return make


@pytest.fixture(scope="module")
def tuned(tuning, tmp_path_factory):
    """Directory of a fine-tuned run, and its messages."""
    folder, lines = tmp_path_factory.mktemp("tuned"), []
    train(tuning(), folder, tell=lines.append)
    return folder, lines


def errors(path, molecules):
    return evaluate(load_checkpoint(path)[0], read_frames(molecules / "rest.extxyz"))


def test_it_beats_training_from_nothing(tuned, finished, tuning, molecules, tmp_path):
    """On new molecules fine-tuning beats as many epochs from scratch, and its starting model."""
    config = tuning()
    alone = config.model_copy(
        update={"training": config.training.model_copy(update={"start_from": None})}
    )
    train(alone, tmp_path / "alone")
    after = errors(tuned[0] / "best.ckpt", molecules)
    nothing = errors(tmp_path / "alone" / "best.ckpt", molecules)
    before = errors(finished / "best.ckpt", molecules)
    # Found: 240 meV/Å and 11 meV/atom, against 641 and 21 from scratch and 615 and 67 before.
    assert after["forces_rmse"] < 0.5 * nothing["forces_rmse"]
    assert after["energy_rmse"] < 0.6 * nothing["energy_rmse"]
    assert after["forces_rmse"] < 0.6 * before["forces_rmse"]
    assert after["energy_rmse"] < 0.5 * before["energy_rmse"]


def test_the_network_is_that_of_the_checkpoint(tuned, finished):
    new, old = (load_checkpoint(f / "best.ckpt")[0].config for f in (tuned[0], finished))
    assert new.elements == ("H", "C", "O")  # the new data have no nitrogen
    depend_on_the_data = {"elements", "zbl"}
    assert new.model_dump(exclude=depend_on_the_data) == old.model_dump(exclude=depend_on_the_data)
    assert new.zbl == {pair: radii for pair, radii in old.zbl.items() if "N" not in pair}
    assert new.n_features == (12,)


def test_what_it_says_and_records(tuned, finished, tmp_path):
    folder, lines = tuned
    (line,) = [line for line in lines if line.startswith("start: ")]
    assert "best.ckpt; elements H C O; dropped N; self energies shifted by H " in line
    potential, provenance = load_checkpoint(folder / "best.ckpt")
    record = provenance["start_from"]
    _, before = load_checkpoint(finished / "best.ckpt")
    checksum = hashlib.sha256((finished / "best.ckpt").read_bytes()).hexdigest()
    assert (record["file"], record["sha256"]) == ("best.ckpt", checksum)
    assert (record["elements_added"], record["elements_dropped"]) == ([], ["N"])
    assert record["provenance"] == before
    assert provenance["config"]["training"]["start_from"] == "best.ckpt"
    assert str(finished) not in str(provenance)
    export_potential(potential, tmp_path / "model.pt", provenance)
    assert load_exported(tmp_path / "model.pt")[1].provenance["start_from"]["sha256"] == checksum


def test_the_resolved_configuration_runs_again(tuned, finished):
    again = read_config(tuned[0] / "config.yaml")
    assert again.training.start_from == (finished / "best.ckpt").resolve()
    assert again.network["n_features"] == [12]


def predicted(path, molecules):
    found = compare(load_checkpoint(path)[0], read_frames(molecules / "rest.extxyz"))
    return found.energies, np.concatenate(found.forces)


NO_STEP = {"epochs": 1, "learning_rate": 1e-30, "ema_decay": None}


def test_self_energies_that_are_kept(tuning, finished, molecules, tmp_path):
    """With a negligible learning rate, the model predicts exactly what the checkpoint predicts."""
    path = train(tuning(self_energies="kept", **NO_STEP), tmp_path)
    for new, old in zip(
        predicted(path, molecules), predicted(finished / "best.ckpt", molecules), strict=True
    ):
        assert np.array_equal(new, old)


def test_self_energies_follow_another_reference(tuning, finished, molecules, tmp_path):
    """A shift of all energies by composition changes the self-energies, not the forces."""
    frames = read_frames(molecules / "few.extxyz")
    shift = {"H": 1.5, "C": -20.0, "O": 7.0}
    for frame in frames:
        frame.calc.results["energy"] += sum(shift[symbol] for symbol in frame.symbols)
    write(molecules / "shifted.extxyz", frames)
    first = train(tuning(**NO_STEP), tmp_path / "first")
    other = train(tuning(data="shifted.extxyz", **NO_STEP), tmp_path / "other")
    expected, found = predicted(first, molecules), predicted(other, molecules)
    assert np.array_equal(found[1], expected[1])
    assert found[0] - expected[0] == pytest.approx(6 * 1.5 - 2 * 20.0 + 7.0, abs=1e-3)


def test_self_energies_of_new_elements_alone(tuning, finished, molecules, tmp_path):
    """H and O keep their self-energies; carbon's is fitted to the residual of water's model."""
    old = load_checkpoint(finished / "best.ckpt")[0]
    water = potential_of_two(old)
    save_checkpoint(tmp_path / "water.ckpt", water, {})
    path = train(tuning(tmp_path / "water.ckpt", self_energies="kept", **NO_STEP), tmp_path / "out")
    new = load_checkpoint(path)[0]
    assert new.config.elements == ("H", "C", "O")
    energies = dict(zip(new.config.elements, new.self_energies.tolist(), strict=True))
    assert [energies["H"], energies["O"]] == water.self_energies.tolist()
    reference = [frame.get_potential_energy() for frame in read_frames(molecules / "rest.extxyz")]
    assert abs(np.mean(predicted(path, molecules)[0] - reference)) < 0.5 < abs(energies["C"])
    record = load_checkpoint(path)[1]
    assert record["start_from"]["elements_added"] == ["C"]
    assert record["closest_approach"] is None  # the first model's is unknown


def potential_of_two(old):
    """Return a potential for H and O only, with the weights of ``old``."""
    made = Potential(old.config.model_copy(update={"elements": ("H", "O"), "zbl": None}))
    take_over_weights(StartingPoint(None, old, {}), made)
    return made


def test_closest_approach_is_that_of_all_training_data(tuning, finished, tmp_path):
    old, provenance = load_checkpoint(finished / "best.ckpt")
    known = {"H-H": 0.1, "H-N": 0.5, "C-H": 9.0}
    save_checkpoint(tmp_path / "old.ckpt", old, provenance | {"closest_approach": known})
    path = train(tuning(tmp_path / "old.ckpt", **NO_STEP), tmp_path / "out")
    found = load_checkpoint(path)[1]["closest_approach"]
    assert set(found) == {"C-C", "C-H", "C-O", "H-H", "H-O"}
    assert found["H-H"] == 0.1 and 0.9 < found["C-H"] < 1.2


def test_elements_without_data_stay_where_they_are_named(tuning, tmp_path):
    path = train(tuning(network={"elements": ["H", "C", "N", "O"]}, **NO_STEP), tmp_path)
    assert load_checkpoint(path)[0].config.elements == ("H", "C", "N", "O")


FROZEN = ("blocks.0.interaction", "blocks.0.onsite.*", "readouts.0.bias")


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("ema_decay", [None, 0.5])
def test_frozen_layers_do_not_change(tuning, finished, tmp_path, fused, ema_decay):
    path = train(tuning(freeze=FROZEN, ema_decay=ema_decay, epochs=2), tmp_path, fused)
    old = load_checkpoint(finished / "best.ckpt")[0]
    start = Potential(load_checkpoint(path)[0].config)
    take_over_weights(StartingPoint(None, old, {}), start)
    new, frozen = dict(load_checkpoint(path)[0].named_parameters()), []
    for name, before in start.named_parameters():
        if torch.equal(new[name], before):
            frozen.append(name)
    expected = [
        name
        for name in new
        if name.startswith(("blocks.0.interaction.", "blocks.0.onsite.")) or name == FROZEN[2]
    ]
    assert len(expected) == 14 and frozen == expected


def test_freezing_costs_the_other_layers_nothing(tuning, tmp_path):
    """The operators skip frozen layers; the others get the same gradients as in plain torch."""
    config = tuning(freeze=FROZEN, epochs=2, precision="float64")
    paths = [train(config, tmp_path / str(fused), fused=fused) for fused in (True, False)]
    fused, plain = (load_checkpoint(path)[0].state_dict() for path in paths)
    for key, value in fused.items():
        torch.testing.assert_close(value, plain[key], rtol=1e-6, atol=1e-8)


def test_an_interrupted_run_goes_on(tuning, tmp_path, train_until_killed):
    config = tuning(freeze="blocks.0.*", ema_decay=0.5, checkpoint_minutes=0, epochs=3)
    train(config, tmp_path / "whole")
    train_until_killed(config, tmp_path / "killed", 11)
    lines = []
    train(config, tmp_path / "killed", resume=True, tell=lines.append)
    assert not any(line.startswith("start: ") for line in lines)
    one, two = (load_checkpoint(tmp_path / name / "best.ckpt") for name in ("whole", "killed"))
    for key, value in one[0].state_dict().items():
        assert torch.equal(value, two[0].state_dict()[key]), key
    assert one[1]["validation_errors"] == two[1]["validation_errors"]
    logs = [
        list(csv.DictReader((tmp_path / n / "metrics.csv").open())) for n in ("whole", "killed")
    ]
    assert [row["validation_loss"] for row in logs[0]] == [
        row["validation_loss"] for row in logs[1]
    ]


def test_only_from_the_same_checkpoint(tuning, finished, tmp_path):
    copied = tmp_path / "start.ckpt"
    copied.write_bytes((finished / "best.ckpt").read_bytes())
    train(tuning(copied, epochs=1), tmp_path / "out")
    old, provenance = load_checkpoint(copied)
    save_checkpoint(copied, old, provenance | {"another": 1})
    with pytest.raises(InputError, match="the run to resume differs: start_from was"):
        train(tuning(copied, epochs=1), tmp_path / "out", resume=True)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"network": {"cutoff": 6.0}},
            "run.yaml: network.cutoff: expected 5.0, as in training.start_from (",
        ),
        (
            {"network": {"n_features": [12, 12]}},
            "run.yaml: network.n_features: expected [12], as in training.start_from (",
        ),
        ({"network": {"cutof": 6.0}}, "run.yaml: unknown key 'network.cutof', expected one of "),
        ({"start_from": "none.ckpt"}, "run.yaml: training.start_from: "),
        (
            {"freeze": ["blocks.0", "block.0.*"]},
            "training.freeze: 'block.0.*': expected a layer of the network (or a pattern with *), "
            "found none of that name among blocks.0.interaction, blocks.0.outer, blocks.0.adjust, "
            "blocks.0.onsite.0, readouts.0",
        ),
        (
            {"freeze": "*"},
            "training.freeze: expected at least one layer left to train, found all of them frozen",
        ),
    ],
)
def test_mistakes_are_one_sentence(tuning, tmp_path, change, sentence):
    with pytest.raises(InputError) as caught:
        train(tuning(**change), tmp_path / "out")
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_the_same_keys_may_be_given(tuning):
    config = tuning(network={"cutoff": 5.0, "n_features": [12]})
    assert config.network["soft_max"] == 4.0  # other keys come from the checkpoint


def test_kept_needs_a_checkpoint():
    content = {"data": {"train": "x.xyz"}, "training": {"epochs": 1, "self_energies": "kept"}}
    with pytest.raises(InputError, match="self_energies: expected start_from beside 'kept', found"):
        parse_config(content, "run.yaml")


@pytest.mark.parametrize("choice", [{"overwrite": True}, {"resume": True}])
def test_a_run_does_not_write_over_what_it_starts_from(tuning, finished, choice):
    before = (finished / fit.CHECKPOINT).read_bytes()
    with pytest.raises(InputError, match="expected a checkpoint outside of the output directory"):
        train(tuning(), finished, **choice)
    assert (finished / fit.CHECKPOINT).read_bytes() == before
