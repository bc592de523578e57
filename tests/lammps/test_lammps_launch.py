"""The function that starts `lmp` for the self-test, the benchmarks and the tests."""

import subprocess
import time
from pathlib import Path

import pytest

from hipnn_ts.lammps.launch import launch, lmp_command

BOX = "units metal\nregion box block 0 9 0 9 0 9\ncreate_box 1 box\n"
HANGS = """#!/bin/sh
sleep 600 &
echo $! > {child}
wait
"""


@pytest.mark.parametrize("ranks", [1, 2])
def test_runs_on_so_many_ranks_and_threads(tmp_path, ranks):
    script = BOX + 'variable n getenv OMP_NUM_THREADS\nprint "$n threads"\n'
    done = launch(script, tmp_path, ranks, threads=3)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"1 by 1 by {ranks} MPI processor grid" in done.stdout
    assert "3 threads" in done.stdout.splitlines()
    assert not (tmp_path / "log.lammps").exists()


def test_a_program_that_is_missing_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no lmp"):
        lmp_command(1, tmp_path)
    program = tmp_path / "lmp"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert lmp_command(1, tmp_path) == [str(program)]
    with pytest.raises(FileNotFoundError, match="no mpirun"):
        lmp_command(2, tmp_path)


def test_a_job_that_hangs_is_ended_with_its_children(tmp_path):
    for name in ("lmp", "mpirun"):
        (tmp_path / name).write_text(HANGS.format(child=tmp_path / "child"))
        (tmp_path / name).chmod(0o755)
    with pytest.raises(subprocess.TimeoutExpired):
        launch(BOX, tmp_path, 2, timeout=5, programs=tmp_path)
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "stat")
    end = time.monotonic() + 30
    while _runs(child):
        assert time.monotonic() < end, "a child goes on alone"
        time.sleep(0.1)


def _runs(status: Path) -> bool:
    try:
        return status.read_text().split()[2] != "Z"
    except OSError:
        return False
