"""The example is what users copy: it runs as it stands."""

import shutil
from pathlib import Path

from lammps_run import lmp

EXAMPLE = Path(__file__).parents[2] / "examples" / "lammps"


def test_water(tmp_path, random_model):
    for file in ("in.water", "water.mol"):
        shutil.copy(EXAMPLE / file, tmp_path)
    options = f"variable model index {random_model()}\nvariable cells index 3\n"
    run = lmp(tmp_path, f"{options}variable steps index 10\ninclude in.water\n", ranks=2)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Loop time of" in run.stdout and "for 10 steps with 81 atoms" in run.stdout
