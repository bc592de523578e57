"""The whole workflow: train, export, run one file in ASE, LAMMPS and OpenMM, compare.

Trains on the project's own GFN2-xTB water (examples/reference_data), exports in both precisions,
prints a table and draws a picture; --folder keeps all files. Judged is the largest force difference
between engines in float32 and float64.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np

from benchmarks.command import Findings, benchmark
from benchmarks.physics.engines import TIMESTEP, Result, run_ase, run_lammps, run_openmm
from benchmarks.report import ROOT, at_most
from benchmarks.water import LABELLED, thermal_water
from docs.rendering.demo import draw
from docs.rendering.tables import TABLES
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.data.read import read_frames
from hipnn_ts.processes import program

BARS = {"float32": 1e-5, "float64": 1e-9}  # largest force difference between engines, eV/Å
INTERVAL = 20  # steps between energies


def command(*arguments) -> None:
    """Print and run a command line of hipnn-ts as a user types it."""
    click.secho("$ hipnn-ts " + " ".join(str(a) for a in arguments), bold=True)
    run = subprocess.run([program("hipnn-ts"), *map(str, arguments)], cwd=ROOT)
    if run.returncode:
        sys.exit(run.returncode)


def run_engines(model: Path, atoms, steps: int) -> list[Result]:
    """Run all engines; the first result, ASE's, is the reference for the others."""
    print(f"running {model.name} ...", flush=True)
    return [
        run_ase(model, atoms),
        run_lammps(model, atoms, steps, INTERVAL, 1, model.parent),
        run_lammps(model, atoms, steps, INTERVAL, 2, model.parent),
        run_openmm(model, atoms, 0, INTERVAL, "Reference"),
        run_openmm(model, atoms, steps, INTERVAL, "CPU"),
    ]


def row_of(result: Result, dtype: str, reference: Result) -> dict:
    """Figures of an engine for the report."""
    return {
        "engine": result.engine,
        "dtype": dtype,
        "energy_eV": result.energy,
        "max_force_difference_eV_per_A": result.force_difference(reference),
        "drift_ueV_per_atom_per_ps": None if result.times is None else result.drift(),
        "steps_per_second": result.steps_per_second,
    }


def parity(model: Path) -> tuple[np.ndarray, np.ndarray]:
    """Reference and predicted forces of every tenth labelled frame, eV/Å."""
    frames = read_frames(LABELLED)[::10]
    calculator = HIPNNTSCalculator(model)
    predicted = [calculator.get_forces(frame.copy()) for frame in frames]
    return np.concatenate([f.get_forces() for f in frames]), np.concatenate(predicted)


@benchmark("demo", steps=40, minutes=0.1, folder="build/quick/demo")
def main(steps=2000, minutes=0.0, folder="demo") -> Findings:
    """Train for ``minutes`` (0: as the recipe says); NVE runs have ``steps`` of 0.5 fs."""
    out = ROOT / folder
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    shorter = [f"training.max_minutes={minutes}"] if minutes else []
    command("train", "examples/water/train.yaml", *shorter, "-o", out / "training")
    models = {dtype: out / f"water-{dtype}.pt" for dtype in BARS}
    for dtype, model in models.items():
        command("export", out / "training" / "best.ckpt", "-o", model, "--dtype", dtype)
    atoms = thermal_water()
    runs = {
        "float32": run_engines(models["float32"], atoms, steps),
        "float64": run_engines(models["float64"], atoms, 0),
    }
    rows = [row_of(r, dtype, results[0]) for dtype, results in runs.items() for r in results]
    figures = {"n_atoms": len(atoms), "steps": steps, "engines": rows}
    print(f"\n{TABLES['demo'].text(figures)}\n")
    checks = []
    for dtype, limit in BARS.items():
        worst = max(r["max_force_difference_eV_per_A"] for r in rows if r["dtype"] == dtype)
        name = f"largest force difference between engines, {dtype}, eV/Å"
        checks.append(at_most(name, worst, limit))
    moving = [result for result in runs["float32"] if result.times is not None]
    drift = max(abs(result.drift()) for result in moving)
    noise = f"{steps * TIMESTEP * 1e-3:g} ps tell the noise of the total energy, not its drift"
    checks.append(at_most("energy drift, NVE, float32, µeV/atom/ps", drift, 1.0, noise))
    draw(out / "demo.png", out / "training" / "metrics.csv", parity(models["float32"]), moving)
    model = models["float32"]
    print(f"picture: {out / 'demo.png'}\nexported file: {model}")
    print(f"  LAMMPS:  pair_style hipnn/ts\n           pair_coeff * * {model} H O")
    print(f'  OpenMM:  system.addForce(hipnn_ts.openmm.create_force("{model}", topology))')
    return figures, checks


if __name__ == "__main__":
    main()
