"""The commands `train` and `evaluate` as a user runs them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from click.testing import CliRunner

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.cli import main
from hipnn_ts.export import export_potential

pytestmark = pytest.mark.slow


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_train_then_evaluate(tmp_path, small_molecules):
    content = {
        "network": {"n_features": [8], "n_atom_layers": 1, "cutoff": 4.5, "soft_max": 4.0},
        "data": {"train": [str(small_molecules)], "validation": 0.1},
        "training": {"epochs": 2},
    }
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(content))
    program = Path(sys.executable).with_name("hipnn-ts")
    command = [program, "train", "run.yaml", "-o", "out"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    assert "meV/Å" in finished.stdout
    assert "training" in finished.stderr
    assert "arning" not in finished.stderr + finished.stdout

    again = run("train", tmp_path / "run.yaml", "-o", tmp_path / "out")
    assert again.exit_code == 1
    assert again.output.startswith("hipnn-ts: error: ") and again.output.count("\n") == 1
    assert "expected a new directory" in again.output

    result = run("evaluate", tmp_path / "out" / "best.ckpt", small_molecules)
    assert result.exit_code == 0
    assert "180 frames" in result.output
    assert "meV/atom" in result.output


def test_an_exported_model_has_the_errors_of_its_checkpoint(finished, small_molecules, tmp_path):
    potential, provenance = load_checkpoint(finished / "best.ckpt")
    exported = tmp_path / "model.pt"
    export_potential(potential, exported, provenance, dtype=torch.float64)
    found = {
        model: json.loads(run("evaluate", "--json", model, small_molecules).output)
        for model in (finished / "best.ckpt", exported)
    }
    first, second = found.values()
    assert first["frames"] == 180
    assert first["units"]["forces"] == "meV/Å"
    for name in ("energy_mae", "energy_rmse", "forces_mae", "forces_rmse"):
        assert first[name] == pytest.approx(second[name], rel=1e-3)


def test_a_file_of_the_wrong_kind_is_one_line_with_the_cure(finished, small_molecules, tmp_path):
    checkpoint, model, weights = finished / "best.ckpt", tmp_path / "m.pt", tmp_path / "w.pt"
    potential, provenance = load_checkpoint(checkpoint)
    export_potential(potential, model, provenance)
    torch.save(potential.state_dict(), weights)
    np.savez(tmp_path / "data.npz", R=np.zeros((1, 2, 3)))
    exported = (
        "an exported potential; engines read it as it is, its checkpoint is the best.ckpt of its"
    )
    state = "the state of a run, which only training reads; the checkpoint is "
    alone = "weights without their network; 'hipnn-ts import-hippynn' reads those of hippynn"
    unreadable = "a file that torch cannot load"
    config = "expected a configuration (YAML), found a checkpoint, model or archive; to start from"
    first = "found another kind of file; hipnn-ts evaluate takes the model first, then the data"
    out = ("-o", tmp_path / "out")
    for arguments, wrong, expected in (
        (("export", model, *out), model, exported),
        (("export", finished / "last.ckpt", *out), finished / "last.ckpt", state),
        (("export", weights, *out), weights, alone),
        (("export", tmp_path / "data.npz", *out), tmp_path / "data.npz", unreadable),
        (("export", small_molecules, *out), small_molecules, unreadable),
        (("evaluate", finished / "last.ckpt", small_molecules), finished / "last.ckpt", state),
        (("evaluate", small_molecules, checkpoint), small_molecules, first),
        (("train", checkpoint, *out), checkpoint, config),
        (("train", model, *out), model, config),
        (("train", small_molecules, *out), small_molecules, "name it under data.train"),
    ):
        result = run(*arguments)
        assert result.exit_code == 1 and result.output.count("\n") == 1, result.output
        assert result.output.startswith(f"hipnn-ts: error: {wrong}: expected a "), result.output
        assert expected in result.output
        assert not (tmp_path / "out").exists()
    content = {"data": {"train": "x.xyz"}, "training": {"epochs": 1, "start_from": "m.pt"}}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(content))
    result = run("train", tmp_path / "run.yaml", *out)
    assert exported in result.output and result.output.count("\n") == 1
    for wrong, kind in (
        (model, "an exported potential"),
        (checkpoint, "a checkpoint of training"),
        (finished / "last.ckpt", "the state of a run"),
    ):
        for arguments in (
            ("train", finished / "config.yaml", f"data.train={wrong}", *out),
            ("evaluate", checkpoint, wrong),
        ):
            result = run(*arguments)
            assert result.output.startswith(
                f"hipnn-ts: error: {wrong}: expected reference data, found {kind}"
            )
            assert result.exit_code == 1 and result.output.count("\n") == 1


def test_mistakes_end_with_one_line_and_status_1(tmp_path, finished, small_molecules):
    for arguments in (
        ("train", tmp_path / "none.yaml", "-o", tmp_path),
        ("evaluate", tmp_path / "none.ckpt", small_molecules),
        ("evaluate", finished / "best.ckpt", tmp_path / "none.xyz"),
        ("evaluate", small_molecules, small_molecules),
    ):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == 1
        assert result.output.startswith("hipnn-ts: error: ")
        assert result.output.count("\n") == 1


def test_an_ensemble_is_trained_and_its_spread_judged(tmp_path, settings, small_molecules):
    content = settings(epochs=4).model_dump(mode="json")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(content))
    out = tmp_path / "out"
    result = run("train", tmp_path / "run.yaml", "-o", out, "--members", 3)
    assert result.exit_code == 0, result.output
    states = [load_checkpoint(out / f"member-{k}" / "best.ckpt")[0].state_dict() for k in (1, 2, 3)]
    key = "readouts.0.weight"
    assert not torch.equal(states[0][key], states[1][key])
    errors = json.loads(run("evaluate", "--json", out, small_molecules).output)
    found = errors["ensemble"]
    assert found["members"] == 3
    assert errors["forces_rmse"] == pytest.approx(found["forces"]["error"])
    alone = [
        json.loads(
            run("evaluate", "--json", out / f"member-{k}" / "best.ckpt", small_molecules).output
        )
        for k in (1, 2, 3)
    ]
    assert errors["forces_rmse"] < np.mean([member["forces_rmse"] for member in alone])
    # Members disagree more where their mean is wrong.
    assert found["forces"]["rank_correlation"] > 0.3
    assert "rank correlation" in run("evaluate", out, small_molecules).output
    # The committee exported to one file gives the same result.
    assert run("export", out, "-o", tmp_path / "model.pt").exit_code == 0
    exported = json.loads(run("evaluate", "--json", tmp_path / "model.pt", small_molecules).output)
    assert exported["ensemble"]["members"] == 3
    for quantity in ("spread", "error", "ratio", "rank_correlation"):
        expected = pytest.approx(found["forces"][quantity], rel=1e-3)
        assert exported["ensemble"]["forces"][quantity] == expected
