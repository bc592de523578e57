"""Long runs at constant energy: is memory flat, and does the energy stay?

    python benchmarks/soak.py [--minutes 60 | --steps 10000] [--model model.pt --start water.extxyz]

LAMMPS on two ranks and OpenMM on its CPU platform, side by side and with one thread a process:
speed does not matter here. The model is a small one with random weights on the self-test's lattice
of its elements; or a file, on the first configuration of a file of data, at 300 K. Growth is
that of the resident memory from the second to the last quarter of the run, drift that of its last
three quarters. Writes benchmarks/results/soak.json where --minutes is given; the exit status is 1
where a bar is missed.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import torch
from ase import Atoms, units
from ase.io.lammpsdata import write_lammps_data
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from drift import drift_check, slope

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.data.read import read_frames
from hipnn_ts.processes import program
from hipnn_ts.selftest.model import write_random_model
from hipnn_ts.selftest.questions import BOUNDS, Questions
from hipnn_ts.selftest.run import relaxed

RESULT = Path(__file__).with_name("results") / "soak.json"
REPEATS = (2, 2, 1)  # of the start, for minutes; once for steps
FEMTOSECONDS = 1e-3  # ps
EVERY = 50  # steps between samples
GROWTH = 2.0  # MiB: OpenMM's force keeps some neighbour lists, up to a number
ENERGIES = "energies"  # files of times (ps) and total energies (eV)
# Ranks that wait must not hold the cores, which are fewer than the processes.
SHARED_CORES = {
    "OMP_NUM_THREADS": "1",
    "OPENMM_CPU_THREADS": "1",
    "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1",
}


@dataclass
class Run:
    """What both engines are told."""

    model: Path
    start: Atoms
    timestep: float  # fs
    minutes: float | None
    steps: int | None


@dataclass
class Engine:
    """One of the two: its folder, its process, the memory that was seen (MiB)."""

    name: str
    folder: Path
    job: subprocess.Popen | multiprocessing.Process
    processes: list[Path] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def exit_status(self) -> int | None:
        """None while it runs."""
        return self.job.poll() if isinstance(self.job, subprocess.Popen) else self.job.exitcode

    def sample(self) -> None:
        """From the first step on."""
        if not (self.folder / ENERGIES).exists():
            return
        self.processes = self.processes or _lmp_in(self.folder)
        sizes = [_resident(process) for process in self.processes]
        if all(sizes):  # none has ended
            self.memory.append(sum(sizes))


@click.command()
@click.option("--minutes", type=float, help="Of both engines.")
@click.option("--steps", type=int, help="Of each engine, instead.")
@click.option("--model", type=click.Path(exists=True), help="An exported file.")
@click.option("--start", type=click.Path(exists=True), help="Extended XYZ, or any data file.")
def main(minutes, steps, model, start):
    """Run both engines and judge."""
    if (minutes is None) == (steps is None):
        raise click.UsageError("expected --minutes or --steps")
    os.environ.update(SHARED_CORES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timestep = 0.5 if model else 0.25
        if model is None:
            model = folder / "model.pt"
            write_random_model(model, torch.float32, portable=False)
        model = Path(model).resolve()
        atoms = _thermal(model, start, REPEATS if minutes else 1)
        run = Run(model, atoms, timestep, minutes, steps)
        engines = [_lammps(folder / "lammps", run), _openmm(folder / "openmm", run)]
        _wait(engines)
        checks, figures = [], {"atoms": len(atoms), "timestep_fs": timestep}
        for engine in engines:
            made, figures[engine.name] = _judge(engine, len(atoms), minutes)
            checks += made
    for check in checks:
        verdict = {True: "ok", False: "MISSED", None: "not judged"}[check.passed]
        click.echo(f"{verdict:<11}{check.name:<75}{check.value:9.3f}  limit {check.limit:g}")
    if minutes is not None:
        write_report(RESULT, figures, checks)
    if any(check.passed is False for check in checks):
        sys.exit(1)


def _thermal(model: Path, start: str | None, repeats) -> Atoms:
    """About 300 K; liquids are held there for a picosecond first."""
    calculator = HIPNNTSCalculator(model)
    elements = calculator.metadata.network.elements
    base = read_frames(start)[0] if start else Questions(elements, BOUNDS["float32"]).base
    atoms = relaxed(calculator, base) * repeats
    random = np.random.default_rng(0)
    thermalize_momenta(atoms, temperature_K=300, rng=random)
    if start:
        atoms.calc = calculator
        Langevin(
            atoms, 0.5 * units.fs, temperature_K=300, friction=0.02 / units.fs, rng=random
        ).run(2000)
        atoms.calc = None
    Stationary(atoms)
    return atoms


def _wait(engines: list[Engine]) -> None:
    """Sample memory until all have ended; where one fails, end the others."""
    try:
        while any(engine.exit_status() is None for engine in engines):
            time.sleep(0.1)
            for engine in engines:
                if engine.exit_status():
                    raise click.ClickException(
                        f"{engine.name}: {(engine.folder / 'output').read_text()[-2000:]}"
                    )
                engine.sample()
    finally:
        for engine in engines:
            engine.job.terminate()


def _judge(engine: Engine, n_atoms: int, minutes: float | None) -> tuple[list[Check], dict]:
    memory = engine.memory
    times, energies = np.loadtxt(engine.folder / ENERGIES, unpack=True)
    quarter = len(memory) // 4
    growth = max(memory[-quarter:]) - max(memory[quarter : 2 * quarter])
    settled = times >= times[-1] / 4
    drift, error = slope(times[settled], 1e6 * energies[settled] / n_atoms)
    checks = [Check(name=f"{engine.name}: growth, MiB", value=growth, limit=GROWTH, better="lower")]
    if minutes is not None:  # a short run shows fluctuations
        checks.append(drift_check(engine.name, drift, error))
    return checks, {
        "picoseconds": float(times[-1]),
        "memory_samples": len(memory),
        "growth_mib": growth,
        "last_mib": memory[-1],
        "drift_uev_per_atom_ps": drift,
        "standard_error": error,
    }


def _lammps(folder: Path, run: Run) -> Engine:
    folder.mkdir()
    elements = sorted(set(run.start.get_chemical_symbols()))
    write_lammps_data(
        folder / "start.data", run.start, specorder=elements, masses=True, velocities=True
    )
    seconds = round(60 * (run.minutes or 0))
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    (folder / "in.soak").write_text(f"""
units metal
atom_modify map array
read_data start.data
pair_style hipnn/ts beyond_training ignore
pair_coeff * * {run.model} {" ".join(elements)}
timestep {run.timestep * FEMTOSECONDS}
fix move all nve
thermo 1000
fix note all print {EVERY} "$(time:%.17g) $(etotal:%.17g)" file {ENERGIES} screen no
{f"timer timeout {clock} every 100" if run.minutes else ""}
run {run.steps or 2_000_000_000}
""")
    command = [program("mpirun"), "-np", "2", program("lmp"), "-log", "none", "-in", "in.soak"]
    with (folder / "output").open("w") as output:
        job = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
    return Engine("LAMMPS, 2 ranks", folder, job)


def _openmm(folder: Path, run: Run) -> Engine:
    """A process of its own, which keeps nothing of what it measures."""
    folder.mkdir()
    job = multiprocessing.get_context("spawn").Process(target=_run_openmm, args=(folder, run))
    job.start()
    return Engine("OpenMM, CPU", folder, job, [Path(f"/proc/{job.pid}")])


def _run_openmm(folder: Path, run: Run) -> None:
    os.chdir(folder)
    with Path("output").open("w") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    from hipnn_ts.selftest.openmm import ENERGY, moving

    context = moving("CPU", run.model, run.start, run.timestep)
    end = time.monotonic() + 60 * (run.minutes or 0)
    done = 0
    with Path(ENERGIES).open("w", buffering=1) as energies:
        while time.monotonic() < end if run.minutes else done < run.steps:
            context.getIntegrator().step(EVERY)
            done += EVERY
            state = context.getState(energy=True)
            total = (state.getPotentialEnergy() + state.getKineticEnergy())._value * ENERGY
            energies.write(f"{done * run.timestep * FEMTOSECONDS} {total!r}\n")
    os._exit(0)  # what Python allocates at its end is no growth


def _lmp_in(folder: Path) -> list[Path]:
    """Processes of lmp that run there: mpirun's ranks, and not mpirun."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            here = os.readlink(process / "cwd") == str(folder.resolve())
            if here and Path(os.readlink(process / "exe")).name == "lmp":
                found.append(process)
        except OSError:
            continue
    return found


def _resident(process: Path) -> float:
    """MiB; 0 where the process has ended."""
    try:
        pages = int((process / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
