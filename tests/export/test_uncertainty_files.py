"""Files with force uncertainty: their content, and invalid files that readers refuse."""

import json

import numpy as np
import pytest
import torch
from documents import changed, network_of
from test_committee_files import record, rewritten, run

from hipnn_ts import _core
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import save_checkpoint
from hipnn_ts.errors import InputError
from hipnn_ts.export import load_exported
from hipnn_ts.export.document import read_document
from hipnn_ts.export.file import checked_metadata
from hipnn_ts.export.metadata import FILE_NAME
from hipnn_ts.export.unpacking import plain_potential


@pytest.fixture
def checkpoint(tmp_path, random_potential, random_uncertainty):
    path = tmp_path / "best.ckpt"
    save_checkpoint(path, random_potential(), {"training": "none"}, random_uncertainty())
    return path


def test_a_checkpoint_becomes_a_file(checkpoint, tmp_path, random_uncertainty):
    model = tmp_path / "model.pt"
    done = run("export", checkpoint, "-o", model)
    assert done.exit_code == 0, done.output
    assert "cutoff 4 Å, with force uncertainty; energies" in done.output
    metadata = checked_metadata(model)
    assert metadata.format_version == 4
    assert metadata.uncertainty.model_dump() == {
        "scale": {"H": 0.02, "O": 0.05},
        "rank_correlation": None,
        **random_uncertainty().facts,
    }
    assert "uncertainty:\n  scale:\n    H: 0.02\n" in run("info", model).output
    tensors, own = read_document(record(model, "/data/0")), random_uncertainty()
    np.testing.assert_array_equal(tensors["uncertainty.means"], own.means)
    np.testing.assert_array_equal(tensors["uncertainty.whitening"], own.whitening)
    np.testing.assert_array_equal(tensors["uncertainty.scale"], [0.02, 0.05])
    module, metadata = load_exported(model)
    assert module.format_version == 4
    assert len(plain_potential(module, metadata).blocks) == 2
    assert json.loads(_core.describe_model_file("m", model.read_bytes()))["uncertainty"] is True


@pytest.mark.parametrize("flag", ["--no-uncertainty", "--portable"])
def test_what_leaves_it_out(flag, checkpoint, tmp_path):
    model = tmp_path / "model.pt"
    done = run("export", checkpoint, "-o", model, flag)
    assert done.exit_code == 0, done.output
    assert "uncertainty" not in done.output
    assert b"uncertainty" not in record(model, FILE_NAME)
    assert checked_metadata(model).format_version == 2


def test_committees_leave_it_out(tmp_path, random_members, random_uncertainty):
    for k, member in enumerate(random_members()[:2], 1):
        path = tmp_path / "committee" / f"member-{k}" / "best.ckpt"
        path.parent.mkdir(parents=True)
        save_checkpoint(path, member, {}, random_uncertainty())
    model = tmp_path / "model.pt"
    done = run("export", tmp_path / "committee", "-o", model)
    assert done.exit_code == 0, done.output
    assert checked_metadata(model).uncertainty is None
    assert b"uncertainty" not in record(model, "/data/0")


def test_the_file_without_is_what_it_was(random_model, uncertain_model):
    plain = read_document(record(random_model(), "/data/0"))
    found = read_document(record(uncertain_model(), "/data/0"))
    assert found.keys() - plain.keys() == {
        f"uncertainty.{name}" for name in ("means", "whitening", "scale")
    }
    for name, tensor in plain.items():
        np.testing.assert_array_equal(found[name], tensor)
    network = network_of(record(random_model(), "/data/0"))
    assert network_of(record(uncertain_model(), "/data/0")) == network | {"uncertainty": True}


NOWHERE = "expected force uncertainty in fused files of format 4 and nowhere else, found"
DIFFERS = (
    "expected the network that the metadata describe, found|format_version: expected 4, as the"
)
FACTS = {"scale": {"H": 1.0, "O": 1.0}, "training_atoms": {"H": 1, "O": 1}, "validation_atoms": 1}


def values(name, edit):
    """Return a function that changes one tensor of a document."""

    def change(document):
        tensor = edit(read_document(document)[name].copy())
        return changed(document, **{name.replace(".", "__"): tensor})

    return change


def with_one(number):
    def edit(tensor):
        tensor.flat[-1] = number
        return tensor

    return edit


HOSTILE = {
    "an old format": ({"format_version": 2}, None, NOWHERE),
    "the format of committees": ({"format_version": 3}, None, "expected several members in fused"),
    "portable": ({"flavour": "portable"}, None, NOWHERE),
    "none in the metadata": ({"uncertainty": None}, None, NOWHERE),
    "several members": ({"members": 2}, None, "expected several members in fused"),
    "a text": ({"uncertainty": "much"}, None, "uncertainty"),
    "none in the document": (
        None,
        lambda document: changed(document, {"uncertainty": False}),
        "found a tensor 'uncertainty.",
    ),
    "several members in the document": (
        None,
        lambda document: changed(document, {"members": 2}),
        "uncertainty: expected that of one network, found several members",
    ),
    "no means": (
        None,
        lambda document: changed(document, uncertainty__means=None),
        "expected a tensor 'uncertainty.means', found none",
    ),
    "one element's means": (
        None,
        values("uncertainty.means", lambda tensor: tensor[:1]),
        "uncertainty.means: expected F64 of shape [2, 16], found F64 of shape [1, 16]",
    ),
    "means in another precision": (
        None,
        values("uncertainty.means", lambda tensor: tensor.astype(np.float32)),
        "uncertainty.means: expected F64 of shape [2, 16], found F32",
    ),
    "a full matrix": (
        None,
        values("uncertainty.whitening", lambda tensor: np.zeros((2, 256))),
        "uncertainty.whitening: expected F64 of shape [2, 136], found",
    ),
    "an infinite element": (
        None,
        values("uncertainty.whitening", with_one(np.inf)),
        "uncertainty.whitening: expected finite numbers, found some that are not",
    ),
    "nan": (
        None,
        values("uncertainty.means", with_one(np.nan)),
        "uncertainty.means: expected finite numbers, found some that are not",
    ),
    "a negative scale": (
        None,
        values("uncertainty.scale", with_one(-1.0)),
        "uncertainty.scale: expected numbers above 0, found others",
    ),
    "one scale": (
        None,
        values("uncertainty.scale", lambda tensor: np.ones(1)),
        "uncertainty.scale: expected F64 of shape [2], found",
    ),
    "another tensor": (
        None,
        lambda document: changed(document, uncertainty__more=np.ones(1)),
        "found a tensor 'uncertainty.more', which no such network has",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_uncertainties(case, tmp_path, uncertain_model):
    metadata, document, said = HOSTILE[case]
    path = rewritten(uncertain_model(), tmp_path / "model.pt", metadata, document)
    for read in (HIPNNTSCalculator, checked_metadata):
        with pytest.raises(InputError) as error:
            read(path)
        assert str(error.value).startswith(f"{path}: ")
        assert said in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError) as error:  # torch stores the length of the document
        load_exported(path)
    assert str(error.value).startswith(f"{path}: ")
    with pytest.raises(ValueError, match=f"^{path}: ") as error:
        _core.Model(path.read_bytes(), str(path))
    assert said in str(error.value)


def test_a_network_without_in_its_format(tmp_path, random_model):
    for metadata, said in (
        ({"format_version": 4}, NOWHERE),
        ({"format_version": 4, "uncertainty": FACTS}, DIFFERS),
        ({"uncertainty": FACTS}, NOWHERE),
    ):
        path = rewritten(random_model(), tmp_path / "model.pt", metadata)
        for read in (HIPNNTSCalculator, load_exported):
            with pytest.raises(InputError, match=said):
                read(path)


def test_operators_compute_what_they_do_without(uncertain_model, random_model):
    """The uncertainty changes nothing in the operator that torch and TorchForce call."""
    generator = torch.Generator().manual_seed(2)
    x = torch.rand(30, 3, generator=generator, dtype=torch.float64) * 6
    receivers, senders = torch.where(torch.cdist(x, x) + 100 * torch.eye(30) < 4.0)
    arguments = torch.arange(30) % 2, receivers, senders, x[senders] - x[receivers]
    found, plain = (
        load_exported(path())[0].energies_and_pair_gradients(*arguments)
        for path in (uncertain_model, random_model)
    )
    for a, b in zip(found, plain, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
