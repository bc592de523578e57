"""Warnings and errors of a LAMMPS step on an emulated GPU are the same as on the CPU."""

import re

import pytest
from emulated_lammps import on_gpu
from lammps_run import hipnn, set_up

from hipnn_ts.export import export_potential

pytestmark = pytest.mark.slow

CLOSE = "set atom 4 x 1 y 1 z 1\nset atom 9 x 1 y 1 z 1.5\n"  # oxygen and hydrogen, 0.5 Å apart


@pytest.fixture(scope="module")
def model(tmp_path_factory, random_potential):
    """File of a model whose training data have no oxygen within 0.6 Å of a hydrogen."""
    path = tmp_path_factory.mktemp("guard") / "model.pt"
    limits = {"H-O": 0.6, "H-H": 0.1, "O-O": 0.1}
    export_potential(random_potential(), path, {"closest_approach": limits})
    return path


def scripts(folder, water, model, commands, setting=""):
    """Return the script for the CPU and the script for the GPU."""
    pair = hipnn(model).replace("hipnn/ts\n", f"hipnn/ts {setting}\n")
    return [set_up(folder, "water", water(2), each) + commands for each in (pair, on_gpu(pair))]


@pytest.mark.parametrize("ranks", [1, 2])
def test_stop(tmp_path, run, water, model, ranks):
    commands = f"run 0\n{CLOSE}run 0\n"
    both = scripts(tmp_path, water, model, commands, "beyond_training stop")
    cpu, gpu = (run.error(script, ranks) for script in both)
    assert "atoms 4 and 9 are 0.5 Angstrom apart at step 0, closer than in the training" in (
        cpu.replace("atoms 9 and 4", "atoms 4 and 9")
    )
    assert set(re.split(" and | ", gpu)) == set(re.split(" and | ", cpu))


def test_warnings_are_those_of_the_processor(tmp_path, run, water, model):
    """Only steps that warn, the 1st and the 10th, copy pairs from the GPU to name the closest."""
    commands = f"{CLOSE}fix 1 all setforce 0 0 0\nrun 10\n"
    told = []
    for script in scripts(tmp_path, water, model, commands):
        done = run(script)
        assert done.returncode == 0, done.stdout[-3000:]
        told.append([line for line in done.stdout.splitlines() if "closer than in" in line])
    assert len(told[0]) == 2
    numbers = [[re.findall(r"[\d.]+", line) for line in lines] for lines in told]
    assert [sorted(line) for line in numbers[1]] == [sorted(line) for line in numbers[0]]
    (counts,) = run.counts()[-1:]
    assert counts["waits"][-1] < 40


def test_nothing_is_told_within_the_training_data(tmp_path, run, water, model):
    script = scripts(tmp_path, water, model, "run 0\n", "beyond_training stop")[1]
    assert run(script).returncode == 0


def test_atoms_at_one_place(tmp_path, run, water, random_model):
    commands = "set atom 4 x 1 y 1 z 1\nset atom 9 x 1 y 1 z 1\nrun 0\n"
    cpu, gpu = (run.error(each, 2) for each in scripts(tmp_path, water, random_model(), commands))
    assert "found none for atom" in gpu
    assert "0 Angstrom apart)" in gpu
    assert gpu.partition("atom")[0] == cpu.partition("atom")[0]


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_coordinate_that_is_no_number_between_rebuilds(tmp_path, run, water, random_model, ranks):
    commands = "run 0\nvariable n atom 1e308*10-1e308*10\nset atom 5 y v_n\nrun 1 pre no\n"
    both = scripts(tmp_path, water, random_model(), commands)
    cpu, gpu = (run.error(script, ranks) for script in both)
    assert "expected finite coordinates, found" in gpu
    assert "for atom 5 at step 1" in gpu
    assert gpu == cpu
