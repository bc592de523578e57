"""Long runs at constant energy: is memory flat, and does the energy stay?

    python benchmarks/soak.py [--minutes 60 | --steps 10000] [--model model.pt --start water.extxyz]

LAMMPS on two ranks, then OpenMM on its CPU platform, each for that long. The model is a small one
with random weights, or a file; the start is the self-test's lattice of its elements, or the first
configuration of a file of data, relaxed a little and at 300 K. Growth is that of the resident
memory from the second to the last quarter of the run. Writes benchmarks/results/soak.json where
--minutes is given; the exit status is 1 where a bar is missed.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import torch
from ase import Atoms
from ase.io.lammpsdata import write_lammps_data

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.data.read import read_frames
from hipnn_ts.processes import program
from hipnn_ts.selftest.model import write_random_model
from hipnn_ts.selftest.questions import BOUNDS, Questions
from hipnn_ts.selftest.run import relaxed

RESULT = Path(__file__).with_name("results") / "soak.json"
REPEATS = (2, 2, 1)  # of the lattice, for minutes; once for steps
TIMESTEP = 0.25  # fs
FEMTOSECONDS = 1e-3  # ps
EVERY = 50  # steps between samples
GROWTH = 2.0  # MiB: OpenMM's force keeps some neighbour lists, up to a number
DRIFT = 1.0  # µeV/atom/ps


@click.command()
@click.option("--minutes", type=float, help="Of each engine.")
@click.option("--steps", type=int, help="Of each engine, instead.")
@click.option("--model", type=click.Path(exists=True), help="An exported file.")
@click.option("--start", type=click.Path(exists=True), help="Extended XYZ, or any data file.")
def main(minutes, steps, model, start):
    """Run both engines and judge."""
    if (minutes is None) == (steps is None):
        raise click.UsageError("expected --minutes or --steps")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if model is None:
            model = folder / "model.pt"
            write_random_model(model, torch.float32, portable=False)
        model = Path(model).resolve()
        calculator = HIPNNTSCalculator(model)
        elements = calculator.metadata.network.elements
        base = read_frames(start)[0] if start else Questions(elements, BOUNDS["float32"]).base
        start = relaxed(calculator, base)
        start = start * REPEATS if minutes else start
        checks, raw = [], {}
        for engine, run in (("LAMMPS, 2 ranks", _lammps), ("OpenMM, CPU", _openmm)):
            times, energies, memory = run(folder, model, start, minutes, steps)
            made, raw[engine] = _judge(engine, len(start), times, energies, memory, minutes)
            checks += made
    for check in checks:
        verdict = {True: "ok", False: "MISSED", None: "-"}[check.passed]
        click.echo(f"{verdict:<8}{check.name:<40}{check.value:10.3f}  limit {check.limit:g}")
    if minutes is not None:
        write_report(RESULT, raw, checks)
    if any(check.passed is False for check in checks):
        sys.exit(1)


def _judge(engine, n_atoms, times, energies, memory, minutes):
    quarter = len(memory) // 4
    growth = max(memory[-quarter:]) - max(memory[quarter : 2 * quarter])
    drift = abs(np.polyfit(times, energies, 1)[0]) / n_atoms * 1e6
    checks = [
        Check(name=f"{engine}: growth, MiB", value=growth, limit=GROWTH, better="lower"),
    ]
    if minutes is not None:  # a short run shows fluctuations
        name = f"{engine}: drift, µeV/atom/ps"
        checks.append(Check(name=name, value=drift, limit=DRIFT, better="lower"))
    return checks, {
        "picoseconds": float(times[-1]),
        "atoms": n_atoms,
        "memory_samples": len(memory),
        "growth_mib": float(growth),
        "drift_uev_per_atom_ps": float(drift),
        "last_mib": float(memory[-1]),
    }


def _lammps(folder: Path, model: Path, start: Atoms, minutes, steps):
    elements = sorted(set(start.get_chemical_symbols()))
    write_lammps_data(
        folder / "start.data", start, specorder=elements, masses=True, velocities=True
    )
    seconds = int(60 * (minutes or 0))
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    (folder / "in.soak").write_text(f"""
units metal
atom_modify map array
read_data start.data
pair_style hipnn/ts beyond_training ignore
pair_coeff * * {model} {" ".join(elements)}
timestep {TIMESTEP * FEMTOSECONDS}
fix move all nve
thermo 1000
fix note all print {EVERY} "$(time:%.17g) $(etotal:%.17g)" file energies screen no
{f"timer timeout {clock} every 100" if minutes else ""}
run {steps or 2_000_000_000}
""")
    command = [program("mpirun"), "-np", "2", program("lmp"), "-log", "none", "-in", "in.soak"]
    with (folder / "output").open("w") as output:
        job = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        memory = []
        while job.poll() is None:
            ranks = [_resident(process) for process in _lmp_in(folder)]
            if len(ranks) == 2 and (folder / "energies").exists():
                memory.append(sum(ranks))
            time.sleep(0.1)
    if job.returncode != 0:
        raise click.ClickException((folder / "output").read_text()[-2000:])
    times, energies = np.loadtxt(folder / "energies", unpack=True)
    return times, energies, memory


def _openmm(folder: Path, model: Path, start: Atoms, minutes, steps):
    from hipnn_ts.selftest.openmm import ENERGY, moving

    context = moving("CPU", model, start, TIMESTEP)
    times, energies, memory = [], [], []
    end = time.monotonic() + 60 * (minutes or 0)
    while time.monotonic() < end if minutes else len(times) * EVERY < steps:
        context.getIntegrator().step(EVERY)
        state = context.getState(energy=True)
        times.append(len(times) * EVERY * TIMESTEP * FEMTOSECONDS)
        energies.append((state.getPotentialEnergy() + state.getKineticEnergy())._value * ENERGY)
        memory.append(_resident(Path("/proc/self")))
    return np.array(times), np.array(energies), memory


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
