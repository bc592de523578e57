"""The LAMMPS examples, which users copy, run unchanged."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from lammps_run import lmp

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples" / "lammps"


@pytest.fixture
def run(tmp_path):
    """Function that runs an example on two ranks with the given variables; returns its output."""
    for file in EXAMPLES.iterdir():
        shutil.copy(file, tmp_path)

    def run_example(name, **variables):
        options = [word for item in variables.items() for word in ("-var", *map(str, item))]
        run = lmp(tmp_path, f"include {name}\n", ranks=2, options=tuple(options))
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
        return run.stdout

    return run_example


def test_water(run, random_model):
    output = run("in.water", model=random_model(), cells=3, steps=10)
    assert "Loop time of" in output and "for 10 steps with 81 atoms" in output


def test_density_of_water(run, tmp_path, random_model):
    output = run("in.water_npt", model=random_model(), cells=3, warm=5, steps=100)
    density = float(output.split("density ")[-1].split()[0])
    table = np.loadtxt(tmp_path / "density.txt", ndmin=2)
    assert table[-1, 1] == pytest.approx(density, abs=1e-4)
    assert 0.8 < density < 1.1


def test_diffusion_of_methanol(run, tmp_path, published_model):
    output = run("in.methanol", model=published_model, cells=2, warm=5, steps=300)
    value = float(output.split("diffusion coefficient ")[-1].split()[0])
    table = np.loadtxt(tmp_path / "displacement.txt")
    assert np.all(table[:, 1] > 0)
    assert np.isfinite(value)


def test_recoil(run, random_model):
    """The atom gets the requested energy, the repulsion acts, and the total energy is conserved."""
    energy = 100
    # With these weights one of the five printed lines falls within a collision.
    model = random_model(cusp_regularisation=0.03)
    output = run("in.recoil", model=model, cells=3, warm=2, steps=300, energy=energy)
    warm, recoil = (
        np.array([line.split() for line in table.split("Loop time")[0].splitlines()[1:]], float)
        for table in output.split("   Step")[-2:]
    )
    total, core = recoil[:, 4], recoil[:, 5]
    # The tolerance is for the kinetic energy that the atom had before.
    assert total[0] - warm[-1, 4] == pytest.approx(energy, abs=1)
    assert np.ptp(total) < 1e-3 * energy
    assert core.max() > 0.01
