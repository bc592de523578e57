"""`hipnn-ts evaluate` on a model with force uncertainty, exported or as a checkpoint."""

import json

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from click.testing import CliRunner
from lammps_run import reference
from scipy.stats import spearmanr
from uncertainties import expected

from hipnn_ts.checkpoint import save_checkpoint
from hipnn_ts.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def data(tmp_path_factory, water, random_potential, random_uncertainty):
    """File of water whose force errors match their uncertainties, and both of these by frame."""
    random, frames, told, errors = np.random.default_rng(5), [], [], []
    for seed in range(4):
        atoms = water(2)
        atoms.rattle(0.1 * seed, seed=seed)
        found = reference(random_potential(), atoms)
        told.append(expected(random_potential(), random_uncertainty(), atoms))
        wrong = random.normal(size=(len(atoms), 3)) * told[-1][:, None]
        wrong[0] = 0
        errors.append(np.linalg.norm(wrong, axis=1))
        forces = found.forces + wrong
        if seed == 1:
            forces[5:] = np.nan  # unknown forces
            told[-1], errors[-1] = told[-1][:5], errors[-1][:5]
        atoms.calc = SinglePointCalculator(atoms, energy=found.energy, forces=forces)
        frames.append(atoms)
    path = tmp_path_factory.mktemp("data") / "water.extxyz"
    write(path, frames)
    return path, told, errors


def rms(values):
    return np.sqrt(np.mean(np.square(values)))


@pytest.mark.parametrize("kind", ["exported", "checkpoint"])
def test_uncertainty_beside_the_error(
    kind, data, tmp_path, uncertain_model, random_potential, random_uncertainty
):
    path, told, errors = data
    model = uncertain_model()
    if kind == "checkpoint":
        model = tmp_path / "best.ckpt"
        save_checkpoint(model, random_potential(), {}, random_uncertainty())
    done = run("evaluate", model, path, "--energy-unit", "eV", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["uncertainty"]
    atoms = [np.concatenate(each) for each in (told, errors)]
    assert found["uncertainty"] == pytest.approx(rms(atoms[0]), rel=1e-5)
    assert found["error"] == pytest.approx(rms(atoms[1]), rel=1e-4)
    assert found["ratio"] == pytest.approx(rms(atoms[0]) / rms(atoms[1]), rel=1e-4)
    by_hand = {
        "atoms": atoms,
        "largest_of_frames": [[np.max(each) for each in values] for values in (told, errors)],
        "rms_of_frames": [[rms(each) for each in values] for values in (told, errors)],
    }
    for name, pair in by_hand.items():
        correlation = spearmanr(*pair).statistic
        assert found["rank_correlation"][name] == pytest.approx(correlation, abs=2e-3), name
    printed = run("evaluate", model, path, "--energy-unit", "eV").output
    assert f"{found['ratio']:8.2f}  {found['rank_correlation']['atoms']:.2f}, " in printed


def test_others_say_nothing_of_it(data, random_model):
    done = run("evaluate", random_model(), data[0], "--json")
    assert "uncertainty" not in json.loads(done.stdout)
