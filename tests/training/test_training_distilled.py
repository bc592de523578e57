"""Frames that a potential labelled (data.distilled): trained on, and no fact about the data."""

import hashlib

import numpy as np
import pytest
import torch
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data.dataset import JoinedDataset
from hipnn_ts.data.read import read_named
from hipnn_ts.errors import InputError
from hipnn_ts.training.fit import train
from hipnn_ts.training.prepare import prepare

pytestmark = pytest.mark.slow


def squeezed(frames, energy):
    """Copies, much denser, with other labels."""
    for frame in frames:
        copy = frame.copy()
        copy.info.clear()
        copy.positions *= 0.7
        forces = np.full((len(copy), 3), 0.1)
        forces[-1] -= forces.sum(axis=0)
        copy.calc = SinglePointCalculator(copy, energy=energy, forces=forces)
        yield copy


@pytest.fixture(scope="module")
def distilled(small_molecules, tmp_path_factory):
    path = tmp_path_factory.mktemp("distilled") / "distilled.extxyz"
    frames = read_named((small_molecules,)).frames[:30]
    write(path, list(squeezed(frames, energy=-3.0)), format="extxyz")
    return path


@pytest.fixture
def with_distilled(settings, distilled):
    """Function that configures a run with distilled frames; arguments override the data section."""

    def make(**data):
        config = settings(epochs=1)
        return config.model_copy(
            update={"data": config.data.model_copy(update={"distilled": (distilled,)} | data)}
        )

    return make


def test_they_change_nothing_that_describes_the_data(settings, with_distilled):
    without, with_them = prepare(settings(epochs=1)), prepare(with_distilled())
    assert with_them.network == without.network  # among others, the radii of the repulsion
    assert torch.equal(with_them.self_energies, without.self_energies)
    assert with_them.origin["closest_approach"] == without.origin["closest_approach"]
    for part in ("training", "validation"):
        ours, theirs = getattr(with_them, part), getattr(without, part)
        assert len(ours) == len(theirs)
        assert all(a.energy == b.energy for a, b in zip(ours, theirs, strict=True))
    assert without.distilled is None
    assert [sample.energy for sample in with_them.distilled] == [-3.0] * 30


def test_the_repulsion_stays_clear_of_pairs_that_only_they_have(with_distilled, tmp_path):
    ethane = molecule("C2H6")
    closest = ethane.get_distance(0, 1)
    ethane.calc = SinglePointCalculator(ethane, energy=-1.0, forces=np.zeros((8, 3)))
    write(tmp_path / "ethane.extxyz", ethane, format="extxyz")
    prepared = prepare(with_distilled(distilled=(tmp_path / "ethane.extxyz",)))
    assert "C-C" not in prepared.origin["closest_approach"]
    assert 0.9 * closest < prepared.network.zbl["C-C"][1] < closest


@pytest.mark.parametrize("in_memory", [True, False])
def test_they_are_trained_on(settings, with_distilled, tmp_path, in_memory):
    path = train(with_distilled(in_memory=in_memory), tmp_path / "with")
    potential, provenance = load_checkpoint(path)
    assert provenance["frames"] == {"train": 144, "validation": 36, "distilled": 30}
    plain = load_checkpoint(train(settings(epochs=1), tmp_path / "without"))[0]
    assert not torch.equal(potential.readouts[0].weight, plain.readouts[0].weight)


def test_the_checkpoint_names_their_file(with_distilled, distilled, tmp_path):
    provenance = load_checkpoint(train(with_distilled(), tmp_path / "run"))[1]
    checksum = hashlib.sha256(distilled.read_bytes()).hexdigest()
    expected = {"use": "distilled", "file": "distilled.extxyz", "sha256": checksum}
    assert expected in provenance["data"]
    assert provenance["config"]["data"]["distilled"] == ["distilled.extxyz"]


def test_their_units_are_ev_whatever_those_of_the_data(with_distilled):
    config = with_distilled()
    hartree = config.data.units.model_copy(update={"energy": "hartree"})
    prepared = prepare(with_distilled(units=hartree))
    assert prepared.distilled[0].energy == -3.0
    expected = 27.2114 * prepare(config).training[0].energy
    assert prepared.training[0].energy == pytest.approx(expected, rel=1e-5)


def test_their_errors_weigh_less(with_distilled):
    for data, expected in (({}, 0.3), ({"distilled_weight": 2.0}, 2.0)):
        prepared = prepare(with_distilled(**data))
        assert prepared.distilled[3].weight == expected
        assert prepared.training[3].weight == 1.0


def test_the_survey_counts_them_apart(with_distilled):
    lines = prepare(with_distilled()).survey
    assert any(line.startswith("distilled: 30 configurations") for line in lines)
    assert any(line.startswith("training: 144 configurations") for line in lines)


def test_an_element_that_the_data_lacks_is_refused(with_distilled, distilled, tmp_path):
    (frame,) = squeezed(read_named((distilled,)).frames[:1], -1.0)
    frame.symbols[0] = "Xe"
    write(tmp_path / "xenon.extxyz", frame, format="extxyz")
    with pytest.raises(InputError, match=r"xenon.extxyz: frame 0: atom 0: expected one of the"):
        prepare(with_distilled(distilled=(tmp_path / "xenon.extxyz",)))


def test_joined_datasets_count_on(with_distilled):
    prepared = prepare(with_distilled())
    joined = JoinedDataset([prepared.training, prepared.distilled])
    assert len(joined) == len(joined.n_atoms) == 144 + 30
    assert torch.equal(joined[144].vectors, prepared.distilled[0].vectors)
    assert joined.n_atoms[144] == len(joined[144].species)
    filler = joined[~144]
    assert filler.weight == 0.0
    assert torch.equal(filler.vectors, prepared.distilled[0].vectors)
