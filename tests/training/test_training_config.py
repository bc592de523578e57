"""Configuration files: defaults, and one sentence for each mistake."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hipnn_ts.errors import InputError
from hipnn_ts.training.config import network_config, parse_config, read_config

LEAST = {"data": {"train": ["a.xyz"]}, "training": {"epochs": 3}}


def changed(key, value):
    content = copy.deepcopy(LEAST)
    inner = content
    *sections, last = key.split(".")
    for section in sections:
        inner = inner.setdefault(section, {})
    inner[last] = value
    return content


def test_the_least_configuration_is_complete(tmp_path):
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(LEAST))
    config = read_config(tmp_path / "run.yaml")
    assert config.data.train == (tmp_path / "a.xyz",)
    assert config.data.validation == 0.1
    assert network_config(config, ["H", "O"]).elements == ("H", "O")
    assert network_config(config, ["H", "O"]).n_features == (32, 32)


def test_given_elements_win_over_those_of_the_data():
    config = parse_config(changed("network.elements", ["O", "H", "C"]), "run.yaml")
    assert network_config(config, ["H", "O"]).elements == ("O", "H", "C")


def test_exponents_without_a_point_are_numbers():
    text = "data: {train: a.xyz, validation: b.xyz}\ntraining: {epochs: 1, learning_rate: 1e-3}"
    config = parse_config(yaml.safe_load(text), "run.yaml", "/folder")
    assert config.training.learning_rate == 1e-3
    assert [str(file) for file in config.data.validation] == ["/folder/b.xyz"]


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("trainig", {}, "unknown section 'trainig', expected one of network, data, training"),
        ("training", 3, "section 'training': expected keys with values, found 3"),
        ("network.n_feature", 3, "unknown key 'network.n_feature', expected one of elements, "),
        ("network.l_max", 4, "network.l_max: expected a value less than or equal to 3, found 4"),
        ("network.soft_min", 9, "network: expected soft_min < soft_max <= cutoff, found 9.0, 5.5"),
        (
            "network.zbl",
            [1, 9],
            "network: zbl: expected inner < outer <= cutoff, found 1.0, 9.0, 6.5",
        ),
        ("network.zbl", "yes", "network.zbl: expected auto, null, two radii ([0.5, 0.8]) or these"),
        ("network.elements", ["Xx"], "network: elements: 'Xx' is not a chemical symbol"),
        ("data.trian", 1, "unknown key 'data.trian', expected one of columns, units, "),
        ("data.train", [], "data.train: expected a list of files, found []"),
        ("data.validation", 2, "data.validation: expected a list of files or a fraction between"),
        (
            "data",
            {"train": "a.xyz", "in_memory": False, "keep_pairs": True},
            "data: keep_pairs: expected false where in_memory is, because pairs take more memory",
        ),
        ("training.loss.force", 1, "unknown key 'training.loss.force', expected one of energy, "),
        ("training.loss.forces", -1, "training.loss.forces: expected a value greater than or equ"),
        ("training.epochs", None, "training: give 'epochs', 'max_minutes' or both"),
        ("training.learning_rate", "fast", "training.learning_rate: expected a valid number, fou"),
        ("training.precision", "f16", "training.precision: expected 'float32' or 'float64', foun"),
        (
            "training",
            {"epochs": 1, "batch_size": 8, "schedule": {"max_batch_size": 4}},
            "training: schedule.max_batch_size: expected at least batch_size (8), found 4",
        ),
        ("data", None, "key 'data.train' is missing"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_file_and_key(key, value, sentence):
    with pytest.raises(InputError) as caught:
        parse_config(changed(key, value), "run.yaml")
    message = str(caught.value)
    assert message.startswith(f"run.yaml: {sentence}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("data: [", "expected YAML, found what cannot be parsed"),
        ("- data", "expected a mapping of keys to values, found "),
        ("", "expected a mapping of keys to values, found "),
    ],
)
def test_files_that_are_no_configuration(tmp_path, text, sentence):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"run\.yaml: {sentence}"):
        read_config(path)
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read: No such file"):
        read_config(tmp_path / "none.yaml")


def test_overrides_win_over_the_file(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(LEAST))
    overrides = ["training.epochs=5", "training.loss.forces=2", "network.n_features=[8, 4]"]
    config = read_config(path, [*overrides, "training.schedule.kind=patience", "data.group_by="])
    assert config.training.epochs == 5
    assert config.training.loss.forces == 2.0
    assert config.training.schedule.kind == "patience"
    assert config.data.group_by is None
    assert network_config(config, ["H"]).n_features == (8, 4)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("training.epochs", "'training.epochs': expected section.key=value"),
        ("epochs=3", "unknown section 'epochs', expected one of network, data, training"),
        ("training.epoch=3", "unknown key 'training.epoch', expected one of epochs, max_minutes"),
        ("training.epochs.a=3", "expected keys with values under 'training.epochs', found 3"),
        ("training.epochs=[", "expected a YAML value, found '['"),
        ("data.units.energy=Ry", "data.units.energy: expected 'eV', 'kcal/mol', 'kJ/mol' or 'ha"),
        ("training.second_stage.start=2", "training.second_stage.start: expected a value less th"),
        ("training.second_stage.end=2", "unknown key 'training.second_stage.end', expected one of"),
        ("training.self_energies=guess", "training.self_energies: expected 'least_squares', 'trai"),
    ],
)
def test_a_bad_override_is_one_sentence(tmp_path, override, sentence):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(LEAST))
    with pytest.raises(InputError) as caught:
        read_config(path, [override])
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_key_and_default_is_in_the_help():
    program = Path(sys.executable).with_name("hipnn-ts")
    text = subprocess.run([program, "train", "--help"], capture_output=True, text=True).stdout
    words = " ".join(text.split())
    for key, default in (
        ("network.cutoff", "6.5"),
        ("network.zbl", "auto"),
        ("data.train", "(required)"),
        ("data.units.energy", "eV"),
        ("training.optimizer", "soap"),
        ("training.learning_rate", "null"),
        ("training.schedule.patience", "10"),
        ("training.second_stage.loss.stress", "10.0"),
        ("training.loss.late_energy", "3.0"),
        ("network.sensitivity_width", "0.1"),
    ):
        assert f"{key} = {default}" in words, key
