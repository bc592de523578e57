"""`hipnn-ts stability`: the conditions that end a run of dynamics, and its report."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.io import read, write
from click.testing import CliRunner

from hipnn_ts.cli import main
from hipnn_ts.stability import Bonds, Conditions, collapsed, run

NOTHING_KNOWN = np.zeros((0, 0))


@pytest.fixture
def model(random_model):
    return random_model()


@pytest.fixture
def water(tmp_path):
    """File with two frames of water."""
    path = tmp_path / "water.extxyz"
    write(path, [molecule("H2O"), molecule("H2O")])
    return path


def stability(*arguments):
    return CliRunner().invoke(main, ["stability", *map(str, arguments)])


def test_bonds_are_those_between_nonmetals():
    assert len(Bonds(molecule("CH3CH2OH"))) == 8
    assert len(Bonds(bulk("Cu", cubic=True))) == 0
    assert len(Bonds(bulk("Si", cubic=True))) == 16  # also across the cell's faces


def test_a_bond_is_followed_over_the_faces_of_the_cell():
    atoms = Atoms("OH", [[0.1, 5, 5], [9.2, 5, 5]], cell=[10, 10, 10], pbc=True)
    bonds = Bonds(atoms)
    atoms.positions[1, 0] -= 0.3
    change, words = bonds.farthest(atoms)
    assert change == pytest.approx(0.3)
    assert words == "bond O0-H1 of 0.90 Å is 1.20 Å"


def test_atoms_far_closer_than_in_training():
    limits = np.array([[1.0, 2.0], [2.0, 3.0]])
    atoms = Atoms("HO", [[0, 0, 0], [0, 0, 1.61]])
    assert collapsed(atoms, ("H", "O"), limits) == ""
    atoms.positions[1, 2] = 1.59
    assert collapsed(atoms, ("H", "O"), limits) == (
        "atoms 0 and 1 are 1.59 Å apart, in training at least 2.00 Å"
    )
    assert collapsed(atoms, ("H", "O"), NOTHING_KNOWN) == ""


def test_a_crystal_holds():
    atoms = bulk("Cu", cubic=True) * 2
    random = np.random.default_rng(0)
    conditions = Conditions(300, 0.5, timestep=2.0)
    outcome = run(atoms, EMT(), conditions, ("Cu",), np.array([[2.0]]), random)
    assert outcome.held
    assert outcome.picoseconds == pytest.approx(0.5)
    assert outcome.largest_change is None
    assert 100 < outcome.temperature < 500


def test_a_temperature_that_runs_away_ends_a_run():
    atoms = Atoms("Ar2", [[0, 0, 0], [0, 0, 0.95]])  # cores overlap
    calculator = LennardJones(sigma=1.0, epsilon=1.0)
    outcome = run(
        atoms, calculator, Conditions(10, 1), ("Ar",), NOTHING_KNOWN, np.random.default_rng(0)
    )
    assert not outcome.held
    assert "the temperature is" in outcome.end
    assert outcome.picoseconds < 1


def test_command_tells_what_holds_and_what_does_not(model, water, tmp_path):
    report, frames = tmp_path / "out.json", tmp_path / "broken.extxyz"
    options = ["-o", report, "--frames", frames, "--runs", 2, "--picoseconds", 0.02]
    loose = stability(model, water, "--temperature", 3000, "--bond-change", "inf", *options)
    assert loose.exit_code == 0, loose.output
    assert loose.output.splitlines()[-1] == "held for 0.04 of 0.04 ps, 2 of 2 runs to the end"
    assert not frames.exists()
    assert json.loads(report.read_text())["conditions"]["bond_change"] is None

    strict = stability(model, water, "--temperature", 3000, "--bond-change", 1e-6, *options)
    assert strict.exit_code == 0, strict.output
    assert strict.output.splitlines()[-1] == "held for 0.02 of 0.04 ps, 0 of 2 runs to the end"
    content = json.loads(report.read_text())
    assert content["conditions"]["temperature"] == 3000
    assert [row["picoseconds"] for row in content["runs"]] == [0.01, 0.01]
    assert all(row["end"].startswith("bond O0-H") for row in content["runs"])
    broken = read(frames, ":")
    assert [atoms.info["end"] for atoms in broken] == [row["end"] for row in content["runs"]]
    # Each run has other velocities.
    assert not np.allclose(broken[0].positions, broken[1].positions)


def test_the_same_seed_gives_the_same_runs(model, water):
    options = [model, water, "--runs", 1, "--picoseconds", 0.02, "--bond-change", "inf"]
    first, again, other = (stability(*options, "--seed", seed).output for seed in (1, 1, 2))
    assert first == again != other


def test_an_unknown_element_is_named_with_its_frame(model, tmp_path):
    path = tmp_path / "copper.extxyz"
    write(path, bulk("Cu"))
    result = stability(model, path)
    assert result.exit_code == 1
    assert f"{path}: frame 0: atom 0: expected one of the elements H O" in result.output
