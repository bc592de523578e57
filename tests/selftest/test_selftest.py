"""The self-test passes here, and fails if a model's file was changed."""

import re
import subprocess
import sys
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from documents import as_tensor, changed

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.cli import main
from hipnn_ts.export import export_potential, load_exported
from hipnn_ts.export.document import read_document
from hipnn_ts.export.extrapolation import ExtrapolationWarning
from hipnn_ts.export.metadata import FILE_NAME
from hipnn_ts.export.unpacking import plain_potential
from hipnn_ts.selftest import paths, run
from hipnn_ts.selftest.dynamics import DRIFT, TIMESTEPS, start_of, verlet
from hipnn_ts.selftest.folder import write_frames
from hipnn_ts.selftest.questions import BOUNDS, Questions

pytestmark = pytest.mark.slow

PROGRAM = Path(sys.executable).with_name("hipnn-ts")
ROW = re.compile(r"^(ok|-|WRONG) +(.{23})(.*)$", re.MULTILINE)


def table(output):
    """Return a map of each path to its mark and its figures or problem."""
    return {name.strip(): (mark, rest) for mark, name, rest in ROW.findall(output)}


def test_every_path_that_is_installed_is_right():
    done = subprocess.run([PROGRAM, "selftest"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = table(done.stdout)
    assert {name for name, (mark, _) in rows.items() if mark == "ok"} >= {
        "plain torch, float64",
        "Python, plain",
        "LAMMPS",
        "LAMMPS, 2 ranks",
        "OpenMM, Reference",
        "OpenMM, CPU",
    }
    for name in ("Python, plain", "LAMMPS", "LAMMPS, 2 ranks"):
        assert len(re.findall(r"\de[-+]\d\d", rows[name][1])) == 7


def test_steep_potentials_move_by_shorter_steps(random_potential, tmp_path):
    steep = deepcopy(random_potential())
    with torch.no_grad():
        for readout in steep.readouts:
            readout.weight *= 200
    export_potential(steep, tmp_path / "model.pt", {}, dtype=torch.float64)
    calculator = HIPNNTSCalculator(tmp_path / "model.pt")
    start = start_of(calculator, Questions(("H", "O"), BOUNDS["float64"]).base)

    def drift(timestep: float) -> float:
        moved = start._replace(atoms=start.atoms.copy(), timestep=timestep)
        return verlet(calculator, moved).drift

    assert drift(start.timestep) < DRIFT < drift(TIMESTEPS[0])


@pytest.fixture
def marks(monkeypatch):
    """Function that runs the self-test on some paths; returns exit status, marks and output."""

    def judge(model, names):
        def some(portable):
            return [(name, answer) for name, answer in paths.paths(portable) if name in names]

        monkeypatch.setattr(run, "paths", some)
        result = CliRunner().invoke(main, ["selftest", str(model)])
        return (
            result.exit_code,
            {name: mark for name, (mark, _) in table(result.output).items()},
            result.output,
        )

    return judge


def with_one_number_changed(model, path, weight):
    """Write the exported file with one number of one tensor 1 % larger; return its path."""
    extra = {FILE_NAME: ""}
    module = torch.jit.load(str(model), _extra_files=extra)
    document = module.weights[0].numpy().tobytes()
    values = read_document(document)[weight].copy()
    place = np.unravel_index(np.abs(values).argmax(), values.shape)
    values[place] *= 1.01
    module.weights = [as_tensor(changed(document, **{weight.replace(".", "__"): values}))]
    module.save(str(path), _extra_files=extra)
    return path


# The file stores the first on-site layer of the first block in two layouts.
FORWARD, BACKWARD = (f"blocks.0.on_site.0.inner.{way}" for way in ("forward", "backward"))


@pytest.mark.parametrize(
    "weight, dtype, names",
    [
        (None, torch.float32, ["Python, plain", "LAMMPS"]),
        (FORWARD, torch.float64, ["LAMMPS"]),
        (BACKWARD, torch.float32, ["Python, plain"]),
    ],
)
def test_a_file_whose_weights_disagree_with_each_other(
    tmp_path, random_model, marks, weight, dtype, names
):
    path, expected = random_model(dtype), "ok"
    if weight is not None:
        path, expected = with_one_number_changed(path, tmp_path / "changed.pt", weight), "WRONG"
    code, found, output = marks(path, names)
    assert found == {"plain torch, float64": "ok"} | dict.fromkeys(names, expected), output
    assert code == (0 if weight is None else 1)
    assert ("!" in output) is (weight is not None)


def test_portable_files(random_model, marks):
    names = ["Python, TorchScript"]
    code, found, output = marks(random_model(portable=True), names)
    assert (code, found) == (0, dict.fromkeys(["plain torch, float64", *names], "ok")), output


def test_what_is_not_installed_is_no_failure(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(paths.MissingError, match="not installed"):
        paths._lammps(1, tmp_path, [])


def test_what_is_installed_and_gives_no_answer_is_one(tmp_path, monkeypatch, random_model, marks):
    program = tmp_path / "lmp"
    program.write_text("#!/bin/sh\necho 'ERROR: no such luck'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    code, found, output = marks(random_model(), ["LAMMPS"])
    assert (code, found["LAMMPS"]) == (1, "WRONG")
    assert "ERROR: no such luck" in output


@pytest.mark.parametrize("name", ["device", "does not support it", "expected a CPU tensor"])
@pytest.mark.parametrize("path", ["python", "cuda", "openmm:CPU", "openmm:Elsewhere"])
def test_words_of_a_message_make_no_failure_a_missing_path(tmp_path, name, path):
    """The folder has no model; its name, which the error message contains, must not matter."""
    folder = tmp_path / name
    folder.mkdir()
    write_frames(folder, [])
    with pytest.raises(paths.PathError):
        paths._worker(path, {}, folder, [])


def test_a_worker_says_by_its_status_that_its_path_is_missing(tmp_path):
    with pytest.raises(paths.MissingError, match="not on this processor"):
        paths._worker("python", {"HIPNN_TS_ISA": "another"}, tmp_path, [])


def test_closer_than_in_training_is_no_remark_on_the_model(random_potential, tmp_path, marks):
    """The self-test does not warn of close atoms, since it places atoms at random."""
    apart = {"closest_approach": {"H-H": 3.0, "H-O": 3.0, "O-O": 3.0}}
    export_potential(random_potential(), tmp_path / "model.pt", apart)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ExtrapolationWarning)
        assert marks(tmp_path / "model.pt", [])[0] == 0


def test_a_file_that_is_no_model(tmp_path):
    result = CliRunner().invoke(main, ["selftest", str(tmp_path / "absent.pt")])
    assert result.exit_code == 1
    assert result.output.endswith("absent.pt: no such file\n")
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("portable", [False, True])
def test_a_file_gives_back_the_weights_of_its_model(
    random_model, random_potential, portable, dtype
):
    found = plain_potential(*load_exported(random_model(dtype, portable))).state_dict()
    for name, value in deepcopy(random_potential()).to(dtype).double().state_dict().items():
        if name.endswith(("interaction.mu", "interaction.sigma", "interaction.weights")):
            value, found[name] = value.sum(0), found[name].sum(0)  # files sort them by centre
        torch.testing.assert_close(found[name], value, rtol=2e-6, atol=1e-6)
