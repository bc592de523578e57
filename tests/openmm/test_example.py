"""The OpenMM examples, run as by a user but for fewer steps."""

import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples" / "openmm"


def run(name, model, *options):
    command = [sys.executable, EXAMPLES / name, model, *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read_table(path):
    return np.loadtxt(path, delimiter=",", skiprows=1, unpack=True)


def assert_picture(path):
    pixels = matplotlib.image.imread(path)[..., :3]
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10


def test_water_nve(random_model):
    output = run("water_nve.py", random_model(torch.float32), "--box=1", "--steps=40")
    rows = [line.split(",")[:4] for line in output.splitlines()[1:]]
    time, potential, total, temperature = np.array(rows, dtype=float).T
    np.testing.assert_allclose(time, np.arange(1, 21) * 0.001)
    # Velocities are random: the total energy's range is limited relative to the potential's.
    assert np.ptp(potential) > 10.0
    assert np.ptp(total) < 0.03 * np.ptp(potential)
    assert (temperature > 50).all()


def test_alanine_dipeptide_in_vacuum(published_model, tmp_path):
    options = "--steps=400", "--heating=200", "-o", tmp_path
    output = run("alanine_dipeptide_vacuum.py", published_model, *options)
    assert "drift of the total energy" in output
    time, potential, total, temperature = read_table(tmp_path / "vacuum.csv")
    assert time[-1] == pytest.approx(0.2)
    # The potential energy fluctuates by several kT, the total energy is conserved.
    assert np.ptp(potential) > 5.0
    assert np.ptp(total) < 0.2 * np.ptp(potential)
    assert 30 < temperature.mean() < 600
    assert_picture(tmp_path / "vacuum.png")
    assert (tmp_path / "vacuum.dcd").stat().st_size > 200 * 22 * 12


def test_alanine_dipeptide_in_classical_water(published_model, tmp_path):
    options = "--steps=40", "--padding=0.7", "--cutoff=0.7", "-o", tmp_path
    run("alanine_dipeptide_water.py", published_model, *options)
    time, potential, temperature, _ = read_table(tmp_path / "water.csv")
    assert time[-1] == pytest.approx(0.02)
    assert np.isfinite(potential).all()
    assert (temperature > 50).all()
    assert (temperature < 600).all()
    assert_picture(tmp_path / "water.png")


def test_methanol_at_constant_pressure(published_model, tmp_path):
    options = "--steps=100", "--edge=2", "-o", tmp_path
    run("methanol_npt.py", published_model, *options)
    time, _, temperature, density = read_table(tmp_path / "methanol.csv")
    assert time[-1] == pytest.approx(0.05)
    assert len(np.unique(density)) > 2
    assert (abs(density / 0.78 - 1) < 0.2).all()
    assert (temperature < 1000).all()
    assert_picture(tmp_path / "methanol.png")
