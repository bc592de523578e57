"""`hipnn-ts evaluate` as a user runs it: units, columns, pictures, ensembles."""

import json
import lzma

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from click.testing import CliRunner
from matplotlib.image import imread

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.cli import main

pytestmark = pytest.mark.slow

N_FRAMES = 6
KILOJOULE_PER_MOLE = units.kJ / units.mol


@pytest.fixture(scope="module")
def data(tmp_path_factory, water, random_model):
    """Archive of rattled water boxes in kJ/mol, with exact energies and gradients 1 % off."""
    calculator = HIPNNTSCalculator(random_model())
    rows = {"R": [], "E": [], "gradient": [], "stress": []}
    for seed in range(N_FRAMES):
        atoms = water(2)
        atoms.rattle(0.05, seed=seed)
        atoms.calc = calculator
        rows["R"].append(atoms.positions)
        rows["E"].append(atoms.get_potential_energy() / KILOJOULE_PER_MOLE)
        rows["gradient"].append(-1.01 * atoms.get_forces() / KILOJOULE_PER_MOLE)
        rows["stress"].append(atoms.get_stress() / KILOJOULE_PER_MOLE)
    path = tmp_path_factory.mktemp("data") / "water.npz"
    np.savez(path, z=atoms.numbers, cell=atoms.cell.array, **rows)
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_predictions_stand_beside_the_reference(data, random_model, tmp_path):
    path = tmp_path / "out.extxyz.xz"
    result = run("evaluate", random_model(), data, *DATA_OPTIONS, "--predictions", path)
    assert result.exit_code == 0, result.output
    with lzma.open(path, "rt") as file:
        frames = read(file, ":", format="extxyz")
    assert len(frames) == N_FRAMES
    calculator = HIPNNTSCalculator(random_model())
    for frame in frames:
        assert set(frame.info) == {"hipnn_ts_energy", "hipnn_ts_stress"}
        results = frame.calc.results
        atoms = frame.copy()
        atoms.calc = calculator
        forces, stress = atoms.get_forces(), atoms.get_stress(voigt=False)
        # The file stores eight digits.
        assert np.abs(frame.arrays["hipnn_ts_forces"] - forces).max() < 1e-5
        assert np.abs(results["forces"] - 1.01 * forces).max() < 1e-5
        assert np.abs(frame.info["hipnn_ts_stress"] - stress).max() < 1e-6
        assert np.abs(frame.get_stress(voigt=False) - stress).max() < 1e-6
        assert frame.info["hipnn_ts_energy"] == pytest.approx(atoms.get_potential_energy())
        assert results["energy"] == pytest.approx(atoms.get_potential_energy())
    worst = np.linalg.norm([0.01 * f.calc.results["forces"] / 1.01 for f in frames], axis=2)
    frame, atom = np.unravel_index(worst.argmax(), worst.shape)
    assert f"{1e3 * worst.max():.3f}  {data}: frame {frame}, atom {atom}" in result.stdout
    assert result.stdout.count(f"{data}: frame ") == 6


def test_predictions_of_energies_alone(random_model, water, tmp_path):
    frames = [water(2) for _ in range(2)]
    for frame in frames:
        frame.calc = SinglePointCalculator(frame, energy=-1.0)
        frame.info["config_type"] = "box"
    write(tmp_path / "in.extxyz", frames)
    path = tmp_path / "out.extxyz"
    result = run(
        "evaluate", random_model(), tmp_path / "in.extxyz", "--predictions", path, "--json"
    )
    assert result.exit_code == 0, result.output
    worst = json.loads(result.output)["worst_frames"]
    assert set(worst) == {"energy"} and len(worst["energy"]) == 2
    assert worst["energy"][0] | {"error": 0} == {
        "file": str(tmp_path / "in.extxyz"),
        "frame": 0,
        "config_type": "box",
        "error": 0,
    }
    found = read(path, ":")
    assert all(set(frame.info) == {"config_type", "hipnn_ts_energy"} for frame in found)
    assert not any("hipnn_ts_forces" in frame.arrays for frame in found)


def test_predictions_that_cannot_be_written_leave_nothing(data, random_model, tmp_path):
    path = tmp_path / "none" / "out.xyz"
    result = run("evaluate", random_model(), data, *DATA_OPTIONS, "--predictions", path)
    assert result.exit_code == 1
    assert f"{path}: cannot be written: No such file or directory" in result.output
    assert list(tmp_path.iterdir()) == []


LABELS = ["units.energy=kJ/mol", "columns.forces=gradient", "forces_are=gradient"]
DATA_OPTIONS = [part for label in LABELS for part in ("--data", label)]


def test_units_columns_json_and_picture(data, random_model, tmp_path):
    out = tmp_path / "out"
    options = [*DATA_OPTIONS, "--energy-unit", "eV", "-o", out]
    result = run("evaluate", random_model(), data, *options)
    assert result.exit_code == 0, result.output
    assert f"{N_FRAMES} frames" in result.stdout and "eV/atom" in result.stdout
    errors = json.loads((out / "errors.json").read_text())
    assert errors["energy_rmse"] == pytest.approx(0.0, abs=1e-7)
    assert errors["stress_rmse"] == pytest.approx(0.0, abs=1e-7)
    # Forces of the random potential are of the order of 1 eV/Å, and the data's are 1 % off.
    assert 0.005 < errors["forces_rmse"] < 0.03
    height, width, _ = imread(out / "parity.png").shape
    assert width > 2.5 * height  # three panels
    assert set(errors["forces_by_element"]) == {"H", "O"}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--energy-unit", "Ry"], "--energy-unit: expected one of meV, eV, kcal/mol, kJ/mol"),
        (["--data", "units.energy=Ry"], "--data: units.energy: expected 'eV', 'kcal/mol'"),
        (["--data", "column.energy=E"], "--data: unknown key 'column', expected one of columns"),
        (["--data", "columns.energy=e0"], "expected a column 'e0' (data.columns.energy), found"),
    ],
)
def test_mistakes_are_one_line(data, random_model, options, expected):
    result = run("evaluate", random_model(), data, *options)
    assert result.exit_code == 1
    assert expected in result.output
    assert result.output.count("\n") == 1


def test_a_directory_without_an_ensemble(data, tmp_path):
    result = run("evaluate", tmp_path, data)
    assert result.exit_code == 1
    assert result.output.endswith("ensemble (member-*/best.ckpt, at least two), found 0\n")
    (tmp_path / "best.ckpt").touch()
    result = run("evaluate", tmp_path, data)
    assert result.output.endswith(f"found 0; the model of this run is {tmp_path}/best.ckpt\n")


def test_isolated_atoms_are_not_judged(random_model, water, tmp_path):
    """Evaluation leaves out isolated atoms, as training does: they set the self-energies."""
    model = random_model()
    atoms = water(2)
    atoms.calc = HIPNNTSCalculator(model)
    atoms.get_potential_energy()
    lone = Atoms("O", info={"config_type": "IsolatedAtom"})
    lone.calc = SinglePointCalculator(lone, energy=-1234.5)
    write(tmp_path / "data.extxyz", [atoms, lone])
    result = run("evaluate", model, tmp_path / "data.extxyz")
    assert result.exit_code == 0, result.output
    assert "isolated atoms, not evaluated: 1" in result.output
    assert "1 frames" in result.output and "IsolatedAtom" not in result.output
