"""Run LAMMPS and OpenMM at the same time, one thread a process; not for measuring speed."""

import multiprocessing
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import psutil
from ase import Atoms
from ase.io.lammpsdata import write_lammps_data

from benchmarks.blocks import mean
from hipnn_ts.lammps.launch import SCRIPT, lmp_command

FEMTOSECONDS = 1e-3  # ps
FOREVER = 2_000_000_000  # steps
RECORD = "record"  # the file that an engine writes: rows of numbers, time (ps) first
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
timer timeout {seconds} every 100
run {steps}
"""


@dataclass
class Run:
    """Settings of both engines, which end after minutes or steps and record ``every`` few steps."""

    model: Path
    start: Atoms
    timestep: float  # fs
    every: int
    minutes: float = 1e6
    steps: int = FOREVER

    def record(self, advance: Callable[[int], None], columns: Callable[[], tuple]) -> None:
        """Run an engine and write its record: time, and what ``columns`` returns."""
        end = time.monotonic() + 60 * self.minutes
        done = 0
        with Path(RECORD).open("w", buffering=1) as record:
            while time.monotonic() < end and done < self.steps:
                advance(self.every)
                done += self.every
                row = done * self.timestep * FEMTOSECONDS, *columns()
                record.write(" ".join(map(repr, map(float, row))) + "\n")


@dataclass
class Engine:
    """A running engine: its folder, its process, and samples of its resident memory (MiB)."""

    name: str
    folder: Path
    job: subprocess.Popen | multiprocessing.Process
    processes: list[psutil.Process] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    def exit_status(self) -> int | None:
        """Exit status of the process; None while it runs."""
        return self.job.poll() if isinstance(self.job, subprocess.Popen) else self.job.exitcode

    def family(self) -> list[psutil.Process]:
        """The engine's process and those that it started."""
        first = psutil.Process(self.job.pid)
        return [first, *first.children(recursive=True)]

    def sample(self) -> None:
        """Sample memory, from the first record on, of lmp's ranks or of OpenMM's process."""
        with suppress(psutil.Error):
            if (self.folder / RECORD).exists() and not self.processes:
                ranks = [each for each in self.family() if Path(each.exe()).name == "lmp"]
                self.processes = ranks or self.family()[:1]
            sizes = [process.memory_info().rss / 2**20 for process in self.processes]
            if sizes and all(sizes):  # no process has ended
                self.memory.append(sum(sizes))

    def end(self) -> None:
        """Terminate the process and those that it started."""
        if self.exit_status() is None:
            for process in self.family():
                with suppress(psutil.Error):
                    process.terminate()

    def recorded(self) -> np.ndarray:
        """Columns of the record, time (ps) first."""
        return np.loadtxt(self.folder / RECORD, unpack=True)


def temperature(values: np.ndarray) -> dict[str, float]:
    """Mean and standard error of temperatures, K."""
    average, error = mean(values)
    return {"temperature_K": average, "temperature_standard_error": error}


def start_lammps(folder: Path, run: Run, ranks: int, columns: str, commands: str) -> Engine:
    """Start LAMMPS; ``columns`` are text for its `fix print`, ``commands`` move the atoms."""
    folder.mkdir()
    masses = dict(zip(run.start.get_chemical_symbols(), run.start.get_masses(), strict=True))
    elements = sorted(masses)
    write_lammps_data(folder / "start.data", run.start, specorder=elements, velocities=True)
    script = INPUT.format(
        model=run.model,
        elements=" ".join(elements),
        # ASE's file has the elements' standard masses, whatever those of the atoms are.
        masses="\n".join(
            f"mass {n} {masses[element]:.17g}" for n, element in enumerate(elements, 1)
        ),
        timestep=run.timestep * FEMTOSECONDS,
        every=run.every,
        columns=columns,
        record=RECORD,
        commands=commands,
        seconds=round(60 * run.minutes),
        steps=run.steps,
    )
    (folder / SCRIPT).write_text(script)
    with (folder / OUTPUT).open("w") as output:
        job = subprocess.Popen(
            [*lmp_command(ranks), "-in", SCRIPT, "-log", "none"],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | SHARED_CORES,
        )
    return Engine(f"LAMMPS, {ranks} rank{'s' if ranks > 1 else ''}", folder, job)


def start_openmm(folder: Path, run: Run, target: Callable[[Run], None]) -> Engine:
    """Start ``target``, which calls ``run.record``, in a process of its own in that folder."""
    folder.mkdir()
    os.environ.update(SHARED_CORES)
    spawn = multiprocessing.get_context("spawn")
    job = spawn.Process(target=_in_folder, args=(folder, target, run))
    job.start()
    return Engine("OpenMM, CPU", folder, job)


def _in_folder(folder: Path, target: Callable[[Run], None], run: Run) -> None:
    os.chdir(folder)
    with Path(OUTPUT).open("w") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    target(run)
    os._exit(0)  # what Python allocates on exit must not count as growth


def wait(engines: list[Engine]) -> None:
    """Sample memory until all engines have ended; if one fails, end the others."""
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
