"""Warnings and errors about atoms closer than in the training data, on two ranks."""

import pytest
from lammps_run import hipnn, lmp, set_up

from hipnn_ts.export import export_potential

pytestmark = pytest.mark.slow

CLOSEST = {"H-O": 0.5, "H-H": 0.5, "O-O": 2.4}


@pytest.fixture(scope="module")
def model(tmp_path_factory, random_potential):
    path = tmp_path_factory.mktemp("guard") / "model.pt"
    export_potential(random_potential(), path, {"closest_approach": CLOSEST})
    return path


def run(folder, water, model, setting, after):
    """Run ``after`` on water; with CLOSE in it, the oxygen atoms 1 and 4 are 2 Å apart."""
    atoms = water(2)
    pair = hipnn(model).replace("hipnn/ts\n", f"hipnn/ts {setting}\n")
    return lmp(folder, set_up(folder, "water", atoms, pair) + after, ranks=2)


CLOSE = "variable x equal x[1]+2\nvariable y equal y[1]\nvariable z equal z[1]\n" + (
    "set atom 4 x ${x} y ${y} z ${z}\n"
)


def test_warned_more_and_more_rarely(tmp_path, water, model):
    after = f"thermo_modify lost ignore\nrun 0\n{CLOSE}fix 1 all setforce 0 0 0\nrun 30\n"
    done = run(tmp_path, water, model, "beyond_training warn", after)
    assert done.returncode == 0, done.stdout
    told = [line for line in done.stdout.splitlines() if "closer than in the training" in line]
    assert 2 <= len(told) <= 4  # the 1st and 10th time, by each rank that sees the pair
    assert "WARNING: pair_style hipnn/ts: atoms " in told[0]
    assert "at step 0, closer than in the training data (2.4 Angstrom)" in told[0]
    assert "(occasion 10)" in told[-1]


def test_stopped(tmp_path, water, model):
    done = run(tmp_path, water, model, "beyond_training stop device cpu", f"{CLOSE}run 0\n")
    assert done.returncode != 0
    errors = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1
    assert "apart at step 0, closer than in the training data (2.4 Angstrom)" in errors[0]


@pytest.mark.parametrize("setting, text", [("beyond_training ignore", CLOSE), ("", "")])
def test_nothing_to_say(tmp_path, water, model, setting, text):
    done = run(tmp_path, water, model, setting, text + "run 0\n")
    assert done.returncode == 0, done.stdout
    assert "training data" not in done.stdout
