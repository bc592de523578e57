"""The calculator in other processes; each test is a program that is killed if it hangs."""

import copy
import os
import pickle
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from hipnn_ts import processes
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.errors import InputError
from hipnn_ts.export import export_potential
from hipnn_ts.export.extrapolation import ExtrapolationError

pytestmark = pytest.mark.slow

WORKERS = Path(__file__).with_name("workers.py")


def run(model, *words, launcher=()):
    command = [*launcher, sys.executable, str(WORKERS), *words, str(model)]
    status, output = processes.run(command, environment={"OMP_NUM_THREADS": "3"})
    assert status == 0, output
    assert output.splitlines()[-1] == "done"


def needs(package):
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


@pytest.mark.parametrize("portable", [False, True], ids=["fused", "portable"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_forked_with_a_calculator(random_model, when, portable):
    """A forked child evaluates, before and after its parent has used several threads."""
    run(random_model(portable=portable), "pool", "fork", when)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_multiprocessing(random_model, method):
    run(random_model(), "pool", method, "after")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_concurrent_futures(random_model, method):
    run(random_model(), "executor", method, "after")


@needs("joblib")
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_joblib(random_model, backend):
    run(random_model(), "joblib", backend, "after")


@needs("dask")
def test_dask(random_model):
    run(random_model(), "dask", "processes", "after")


@needs("mpi4py")
def test_mpi4py(random_model):
    mpirun = processes.program("mpirun")
    if mpirun is None:
        pytest.skip("no mpirun here")
    run(random_model(), "mpi", "-", "after", launcher=[mpirun, "-np", "2"])


def test_a_child_that_forks(random_model):
    """A child may fork again, as the workers of a server do."""
    program = """
import os, sys
from ase.build import molecule
from hipnn_ts.ase import HIPNNTSCalculator
atoms = molecule("H2O")
atoms.calc = HIPNNTSCalculator(sys.argv[1])
for generation in range(3):
    atoms.rattle(0.01, seed=generation)
    energy = atoms.get_potential_energy()
    child = os.fork()
    if child:
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print("done")
"""
    command = [sys.executable, "-c", program, str(random_model())]
    status, output = processes.run(command, environment={"OMP_NUM_THREADS": "3"})
    assert (status, output) == (0, "done\n")


@pytest.mark.parametrize("portable", [False, True], ids=["fused", "portable"])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies(random_model, water, copied, portable):
    atoms = water(2)
    calculator = HIPNNTSCalculator(random_model(portable=portable), beyond_training="ignore")
    atoms.calc = calculator
    atoms.get_potential_energy()
    other = copied(atoms)
    assert other.calc is not calculator
    # A copy has the results; both share the loaded model.
    assert other.calc.results["energy"] == calculator.results["energy"]
    other.positions[0] += 0.1
    assert other.get_potential_energy() != atoms.get_potential_energy()
    other.positions[0] -= 0.1
    np.testing.assert_allclose(other.get_forces(), atoms.get_forces(), rtol=0, atol=1e-10)
    assert other.calc._potential is calculator._potential


def test_a_pickle_needs_no_file(random_potential, tmp_path, monkeypatch):
    """A pickle works on a machine without the file, or after the file has changed."""
    path = tmp_path / "model.pt"
    export_potential(random_potential(), path, {"closest_approach": {"H-O": 0.9, "H-H": 1.4}})
    monkeypatch.chdir(tmp_path)
    calculator = HIPNNTSCalculator("model.pt", beyond_training="stop")
    expected = calculator.get_potential_energy(molecule("H2O"))
    kept = pickle.dumps(calculator)
    del calculator
    path.write_text("something else")
    program = (
        "import pickle, sys; from ase.build import molecule; "
        "calculator = pickle.load(sys.stdin.buffer); "
        "print(calculator.get_potential_energy(molecule('H2O')))"
    )
    (tmp_path / "run").write_text(f'exec {sys.executable} -c "{program}" < calculator')
    (tmp_path / "calculator").write_bytes(kept)
    os.chmod(tmp_path / "run", 0o755)
    status, output = processes.run(["sh", "run"], tmp_path)
    assert status == 0, output
    assert float(output) == pytest.approx(expected, abs=1e-9)
    # Settings and error messages survive pickling.
    loaded = pickle.loads(kept)
    with pytest.raises(ExtrapolationError, match="closer than in the training data"):
        loaded.get_potential_energy(Atoms("OH", positions=[[0, 0, 0], [0.8, 0, 0]]))
    with pytest.raises(InputError, match=r"H O of model\.pt, found C"):
        loaded.get_potential_energy(Atoms("C"))
