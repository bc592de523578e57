"""If a file is of the wrong kind, the message names its kind and the cure."""

import warnings

import pytest
import torch
from click.testing import CliRunner

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import load_checkpoint, save_checkpoint
from hipnn_ts.cli import main
from hipnn_ts.errors import InputError
from hipnn_ts.evaluation import load_potential
from hipnn_ts.export.potential import NativePotential
from hipnn_ts.kinds import STATE_KIND, Kind, kind_of
from hipnn_ts.model.potential import Potential
from hipnn_ts.openmm import create_force


@pytest.fixture
def files(random_potential, random_model, tmp_path):
    """Map of each kind to a file of that kind."""
    save_checkpoint(tmp_path / "best.ckpt", random_potential(), {"training": "x" * 10_000})
    state = {"kind": STATE_KIND, "run": {}}
    torch.save(state, tmp_path / "last.ckpt")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(tmp_path / "script.pt"))
    (tmp_path / "text.pt").write_text("hipnn-ts checkpoint")
    return {
        Kind.EXPORTED: random_model(),
        Kind.CHECKPOINT: tmp_path / "best.ckpt",
        Kind.STATE: tmp_path / "last.ckpt",
        Kind.SCRIPT: tmp_path / "script.pt",
        Kind.TENSORS: tmp_path / "other.pt",
        Kind.UNKNOWN: tmp_path / "text.pt",
    }


def test_kinds(files):
    assert {kind: kind_of(path.read_bytes()) for kind, path in files.items()} == {
        kind: kind for kind in files
    }
    for kind, path in files.items():
        content = path.read_bytes()
        assert kind_of(content[: len(content) // 2]) is Kind.UNKNOWN, kind


CURES = {
    Kind.CHECKPOINT: "a checkpoint of training; export it: hipnn-ts export {} -o model.pt",
    Kind.STATE: "export the checkpoint beside it: hipnn-ts export {.parent}/best.ckpt -o model.pt",
    Kind.SCRIPT: "found another TorchScript file",
    Kind.TENSORS: "found another file of torch.save",
    Kind.UNKNOWN: "found a file that torch cannot load (damaged, or not TorchScript)",
}


@pytest.mark.parametrize("kind", CURES)
def test_where_an_exported_file_is_wanted(files, kind):
    path = files[kind]
    sentences = [
        CliRunner().invoke(main, [command, str(path)]).output for command in ("info", "selftest")
    ]
    for use in (
        HIPNNTSCalculator,
        lambda path: create_force(path, [8, 1, 1], periodic=False),
    ):
        with pytest.raises(InputError) as error:
            use(path)
        sentences.append(str(error.value))
    for sentence in sentences:
        assert f"{path}: expected an exported hipnn-ts potential, found " in sentence
        assert sentence.strip().endswith(CURES[kind].format(path))
        assert "Traceback" not in sentence


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        (Kind.EXPORTED, "an exported potential; engines read it as it is, its checkpoint is the "),
        (
            Kind.STATE,
            "the state of a run, which only training reads; the checkpoint is {.parent}/",
        ),
        (Kind.SCRIPT, "another TorchScript file"),
        (Kind.TENSORS, "weights without their network; 'hipnn-ts import-hippynn' reads those of"),
        (Kind.UNKNOWN, "a file that torch cannot load"),
    ],
)
def test_where_a_checkpoint_is_wanted(files, kind, found):
    path = files[kind]
    with pytest.raises(InputError) as error, warnings.catch_warnings():
        warnings.simplefilter("error")
        load_checkpoint(path)
    sentence = f"{path}: expected a hipnn-ts checkpoint, found {found.format(path)}"
    assert str(error.value).startswith(sentence)
    done = CliRunner().invoke(main, ["export", str(path), "-o", str(path.with_name("new.pt"))])
    assert done.exit_code == 1
    assert sentence in done.output
    assert not path.with_name("new.pt").exists()


def test_evaluation_takes_both(files):
    assert isinstance(load_potential(files[Kind.EXPORTED]), NativePotential)
    assert isinstance(load_potential(files[Kind.CHECKPOINT]), Potential)
