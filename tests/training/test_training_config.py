"""Configuration files: defaults, and one sentence for each mistake."""

import copy

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
        ("network.l_max", 3, "network.l_max: expected a value less than or equal to 2, found 3"),
        ("network.soft_min", 9, "network: expected soft_min < soft_max <= cutoff, found 9.0, 5.5"),
        ("network.elements", ["Xx"], "network: elements: 'Xx' is not a chemical symbol"),
        ("data.trian", 1, "unknown key 'data.trian', expected one of train, validation, "),
        ("data.train", [], "data.train: expected a list of files, found []"),
        ("data.validation", 2, "data.validation: expected a list of files or a fraction between"),
        ("training.loss.force", 1, "unknown key 'training.loss.force', expected one of energy, "),
        ("training.loss.forces", -1, "training.loss.forces: expected a value greater than or equ"),
        ("training.epochs", None, "training: give 'epochs', 'max_minutes' or both"),
        ("training.learning_rate", "fast", "training.learning_rate: expected a valid number, fou"),
        ("training.precision", "f16", "training.precision: expected 'float32' or 'float64', foun"),
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
        ("- data", "expected sections data and training, found no mapping"),
        ("", "expected sections data and training, found no mapping"),
    ],
)
def test_files_that_are_no_configuration(tmp_path, text, sentence):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"run\.yaml: {sentence}"):
        read_config(path)
    with pytest.raises(InputError, match=r"none\.yaml: cannot be read: No such file"):
        read_config(tmp_path / "none.yaml")
