"""LAMMPS and OpenMM at the same time, for what does not ask for speed, one thread a process."""

import multiprocessing
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
from ase import Atoms
from ase.io.lammpsdata import write_lammps_data

from benchmarks.blocks import mean
from hipnn_ts.lammps.launch import SCRIPT, lmp_command

FEMTOSECONDS = 1e-3  # ps
RECORD = "record"  # what an engine writes: rows of numbers, time (ps) first
OUTPUT = "output"
# Ranks that wait must not hold the cores, which may be fewer than the processes.
SHARED_CORES = {
    "OMP_NUM_THREADS": "1",
    "OPENMM_CPU_THREADS": "1",
    "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1",
}
INPUT = """
units metal
atom_modify map array
read_data start.data
{masses}
pair_style hipnn/ts beyond_training ignore
pair_coeff * * {model} {elements}
timestep {timestep}
thermo 1000
fix record all print {every} "$(time:%.17g) {columns}" file {record} screen no
{commands}
{clock}
run {steps}
"""


@dataclass
class Run:
    """What both engines are told: minutes, or steps instead; a record every so many steps."""

    model: Path
    start: Atoms
    timestep: float  # fs
    every: int
    minutes: float | None = None
    steps: int | None = None

    def record(self, advance: Callable[[int], None], columns: Callable[[], tuple]) -> None:
        """Of an engine that is driven from here."""
        end = time.monotonic() + 60 * (self.minutes or 0)
        done = 0
        with Path(RECORD).open("w", buffering=1) as record:
            while time.monotonic() < end if self.minutes else done < self.steps:
                advance(self.every)
                done += self.every
                row = done * self.timestep * FEMTOSECONDS, *columns()
                record.write(" ".join(map(repr, map(float, row))) + "\n")


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
        """From the first record on."""
        if not (self.folder / RECORD).exists():
            return
        self.processes = self.processes or _lmp_in(self.folder)
        sizes = [_resident(process) for process in self.processes]
        if all(sizes):  # none has ended
            self.memory.append(sum(sizes))

    def end(self) -> None:
        """With the processes that it started."""
        if not isinstance(self.job, subprocess.Popen):
            self.job.terminate()
        elif self.job.poll() is None:
            os.killpg(self.job.pid, signal.SIGTERM)

    def recorded(self) -> np.ndarray:
        """Columns of the record."""
        return np.loadtxt(self.folder / RECORD, unpack=True)


def temperature(values: np.ndarray) -> dict[str, float]:
    """Mean and error, K."""
    average, error = mean(values)
    return {"temperature_K": average, "temperature_standard_error": error}


def start_lammps(folder: Path, run: Run, ranks: int, columns: str, commands: str) -> Engine:
    """``columns`` as in a LAMMPS `fix print`; ``commands`` that move the atoms."""
    folder.mkdir()
    elements = sorted(set(run.start.get_chemical_symbols()))
    # ASE writes the elements' masses, whatever those of the atoms are.
    write_lammps_data(folder / "start.data", run.start, specorder=elements, velocities=True)
    of_element = dict(zip(run.start.get_chemical_symbols(), run.start.get_masses(), strict=True))
    masses = [f"mass {n} {of_element[symbol]:.17g}" for n, symbol in enumerate(elements, 1)]
    seconds = round(60 * (run.minutes or 0))
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    script = INPUT.format(
        model=run.model,
        elements=" ".join(elements),
        masses="\n".join(masses),
        timestep=run.timestep * FEMTOSECONDS,
        every=run.every,
        columns=columns,
        record=RECORD,
        commands=commands,
        clock=f"timer timeout {clock} every 100" if run.minutes else "",
        steps=run.steps or 2_000_000_000,
    )
    (folder / SCRIPT).write_text(script)
    with (folder / OUTPUT).open("w") as output:
        job = subprocess.Popen(
            [*lmp_command(ranks), "-in", SCRIPT, "-log", "none"],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | SHARED_CORES,
            start_new_session=True,
        )
    return Engine(f"LAMMPS, {ranks} rank{'s' if ranks > 1 else ''}", folder, job)


def start_openmm(folder: Path, run: Run, target: Callable[[Run], None]) -> Engine:
    """``target`` in a process of its own, in that folder; it calls ``run.record``."""
    folder.mkdir()
    os.environ.update(SHARED_CORES)
    job = multiprocessing.get_context("spawn").Process(
        target=_in_folder, args=(folder, target, run)
    )
    job.start()
    return Engine("OpenMM, CPU", folder, job, [Path(f"/proc/{job.pid}")])


def _in_folder(folder: Path, target: Callable[[Run], None], run: Run) -> None:
    os.chdir(folder)
    with Path(OUTPUT).open("w") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    target(run)
    os._exit(0)  # what Python allocates at its end is no growth


def wait(engines: list[Engine]) -> None:
    """Sample memory until all have ended; where one fails, end the others."""
    try:
        while any(engine.exit_status() is None for engine in engines):
            time.sleep(0.1)
            for engine in engines:
                if engine.exit_status():
                    output = (engine.folder / OUTPUT).read_text()
                    raise click.ClickException(f"{engine.name}: {output[-2000:]}")
                engine.sample()
    finally:
        for engine in engines:
            engine.end()


def _lmp_in(folder: Path) -> list[Path]:
    """Processes of lmp that run there: its ranks, and not mpirun or the script that starts lmp."""
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
