"""On files in COMP6's layout, the sign of the forces is determined and reported."""

import json
import re

import h5py
import numpy as np
import pytest
from ase import units
from ase.build import molecule
from click.testing import CliRunner

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.cli import main

pytestmark = pytest.mark.slow

N_CONFORMERS = 4
OFFSET = 0.01  # eV, added to every reference energy


@pytest.fixture
def suite(tmp_path, random_model):
    """Function that writes a folder with two files; forces are the model's times ``factor``."""

    def make(factor, noise=0.0):
        calculator = HIPNNTSCalculator(random_model())
        random = np.random.default_rng(1)
        for file, molecules in (("a/first", ["H2O", "H2O2"]), ("second", ["OH"])):
            (tmp_path / file).parent.mkdir(exist_ok=True)
            with h5py.File(tmp_path / f"{file}.h5", "w") as content:
                for name in molecules:
                    rows = {"coordinates": [], "energies": [], "forces": []}
                    for conformer in range(N_CONFORMERS):
                        atoms = molecule(name)
                        atoms.rattle(0.05, seed=conformer)
                        atoms.calc = calculator
                        rows["coordinates"].append(atoms.positions)
                        energy = atoms.get_potential_energy() + OFFSET * (1 + (conformer == 0))
                        rows["energies"].append(energy / units.Hartree)
                        forces = atoms.get_forces() + noise * random.normal(size=(len(atoms), 3))
                        rows["forces"].append(factor * forces / units.Hartree)
                    group = content.create_group(f"set/{name}")
                    group["species"] = np.array([s.encode() for s in atoms.symbols])
                    for key, values in rows.items():
                        group[key] = np.array(values)
        return tmp_path

    return make


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize(("factor", "said"), [(1.0, "forces"), (-1.0, "the energy gradient")])
def test_the_sign_is_measured_whatever_it_is(suite, random_model, tmp_path, factor, said):
    folder = suite(factor, noise=0.1)
    result = run("evaluate", random_model(), folder, "--benchmark", "comp6", "--json")
    assert result.exit_code == 0, result.output
    measured = re.findall(r"correlation of 'forces' with ours (\S+): (.*)", result.stderr)
    assert len(measured) == 2
    for correlation, meaning in measured:
        assert float(correlation) == pytest.approx(factor, abs=0.1)
        assert meaning.startswith(said)
    found = json.loads(result.stdout)
    assert set(found["files"]) == {"a/first", "second"}
    kcal = 1 / (units.kcal / units.mol)
    assert found["all"]["frames"] == 3 * N_CONFORMERS
    assert found["all"]["forces_rmse"] == pytest.approx(0.1 * kcal, rel=0.2)
    # One conformer in four is off by one more offset, which affects 3 of 6 pairs per molecule.
    assert found["all"]["energy_mae"] == pytest.approx(1.25 * OFFSET * kcal, rel=1e-4)
    assert found["all"]["conformer_energy_mae"] == pytest.approx(0.5 * OFFSET * kcal, rel=1e-4)


def test_the_table_has_the_published_errors(suite, random_model, tmp_path):
    folder, out = suite(-1.0), tmp_path / "out"
    result = run("evaluate", random_model(), folder, "--benchmark", "comp6", "-o", out)
    assert result.exit_code == 0, result.output
    assert "0.927" in result.stdout and "1.850" in result.stdout
    assert json.loads((out / "errors.json").read_text())["all"]["frames"] == 3 * N_CONFORMERS


def test_a_sign_that_cannot_be_told_is_refused(suite, random_model):
    result = run("evaluate", random_model(), suite(1.0, noise=50.0), "--benchmark", "comp6")
    assert result.exit_code == 1
    assert "their sign cannot be determined" in result.output and "Traceback" not in result.output


def test_a_directory_without_the_suite(tmp_path, random_model):
    command = ("evaluate", random_model(), tmp_path, "--benchmark", "comp6")
    result = run(*command, "--data", "units.energy=eV")
    assert "expected none of --data, --energy-unit, --group-by" in result.output
    result = run(*command)
    assert result.exit_code == 1
    assert f"{tmp_path}: expected the HDF5 files of COMP6, found none" in result.output
