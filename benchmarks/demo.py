"""The main job, end to end: train, export, run one file in ASE, LAMMPS and OpenMM, compare.

    python benchmarks/demo.py [--steps N] [--record]

Trains on the project's own xTB water (examples/reference_data), exports in both precisions and
prints one table. Everything it makes lies in the folder demo/.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
from engines import BIN, Result, run_ase, run_lammps, run_openmm
from picture import draw
from water import LABELLED, thermal_water

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.data.read import read_frames

ROOT = Path(__file__).parents[1]
OUT = ROOT / "demo"
BARS = {"float32": 1e-5, "float64": 1e-9}  # largest force difference between engines, eV/Å


def command(*arguments) -> None:
    """A command line as a user types it, shown and run."""
    click.secho("$ hipnn-ts " + " ".join(str(a) for a in arguments), bold=True)
    run = subprocess.run([BIN / "hipnn-ts", *map(str, arguments)], cwd=ROOT)
    if run.returncode:
        sys.exit(run.returncode)


def run_engines(model: Path, atoms, steps: int, interval: int) -> list[Result]:
    """ASE first: it is what the others are compared with."""
    print(f"running {model.name} ...", flush=True)
    return [
        run_ase(model, atoms, 0, interval),
        run_lammps(model, atoms, steps, interval, 1, OUT),
        run_lammps(model, atoms, steps, interval, 2, OUT),
        run_openmm(model, atoms, 0, interval, "Reference"),
        run_openmm(model, atoms, steps, interval, "CPU"),
    ]


def table(dtype: str, results: list[Result]) -> list[dict]:
    """Print the comparison; return it for the report."""
    reference = results[0]
    head = f"{dtype:<20}{'energy, eV':>20}{'max |ΔF|, eV/Å':>18}"
    print(f"\n{head}{'drift, µeV/atom/ps':>22}{'steps/s':>10}")
    rows = []
    for r in results:
        row = {
            "engine": r.engine,
            "dtype": dtype,
            "energy_eV": r.energy,
            "max_force_difference_eV_per_A": float(np.abs(r.forces - reference.forces).max()),
            "drift_ueV_per_atom_per_ps": None if r.times is None else r.drift(),
            "steps_per_second": r.steps_per_second,
        }
        difference = f"{row['max_force_difference_eV_per_A']:.1e}"
        text = f"{r.engine:<20}{r.energy:>20.6f}{difference:>18}"
        if r.times is not None:
            text += f"{r.drift():>22.2f}{r.steps_per_second:>10.1f}"
        print(text)
        rows.append(row)
    return rows


@click.command()
@click.option("--steps", default=2000, show_default=True, help="Steps of 0.5 fs in each NVE run.")
@click.option("--record", is_flag=True, help="Also write benchmarks/results/demo.json.")
def main(steps: int, record: bool) -> None:
    """Train, export, run and compare."""
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    training = OUT / "training"
    command("train", "examples/water/train.yaml", "-o", training)
    models = {dtype: OUT / f"water-{dtype}.pt" for dtype in BARS}
    for dtype, model in models.items():
        command("export", training / "best.ckpt", "-o", model, "--dtype", dtype)

    atoms = thermal_water()
    runs = {
        "float32": run_engines(models["float32"], atoms, steps, 20),
        "float64": run_engines(models["float64"], atoms, 0, 20),
    }
    rows, checks = [], []
    print(f"\n{len(atoms)} atoms of water, the same configuration and velocities in every engine")
    for dtype, results in runs.items():
        rows += table(dtype, results)
        worst = max(float(np.abs(r.forces - results[0].forces).max()) for r in results)
        name = f"largest force difference between engines, {dtype}, eV/Å"
        checks.append(Check(name=name, value=worst, limit=BARS[dtype], better="lower"))
    moving = [r for r in runs["float32"] if r.times is not None]
    checks.append(
        Check(
            name="energy drift, NVE, float32, µeV/atom/ps",
            value=max(abs(r.drift()) for r in moving),
            limit=1.0,
            better="lower",
            reason=f"{steps * 0.5e-3:g} ps tell the noise of the total energy, not its drift",
        )
    )
    picture = OUT / "demo.png"
    draw(picture, training / "metrics.csv", parity(models["float32"]), moving)
    report = OUT / "demo.json"
    write_report(report, {"n_atoms": len(atoms), "steps": steps, "engines": rows}, checks)
    if record:  # README's figures follow from that file, which `make test` looks at
        shutil.copy(report, ROOT / "benchmarks" / "results")
    print(f"\npicture: {picture}\nresults: {report}\nexported file: {models['float32']}")
    print(f"  LAMMPS:  pair_style hipnn/ts\n           pair_coeff * * {models['float32']} H O")
    print(
        f'  OpenMM:  system.addForce(hipnn_ts.openmm.create_force("{models["float32"]}", topology))'
    )
    failed = [check for check in checks if check.passed is False]
    drift_check = checks[-1]
    print(f"not judged: {drift_check.name}: {drift_check.reason}")
    for check in failed:
        print(f"NOT REACHED: {check.name}: {check.value:.2e}, bar {check.limit:.0e}")
    sys.exit(1 if failed else 0)


def parity(model: Path) -> tuple[np.ndarray, np.ndarray]:
    """Force components of every tenth labelled frame and what the model makes of them."""
    frames = read_frames(LABELLED)[::10]
    calculator = HIPNNTSCalculator(model)
    predicted = [calculator.get_forces(frame.copy()) for frame in frames]
    return np.concatenate([f.get_forces() for f in frames]), np.concatenate(predicted)


if __name__ == "__main__":
    main()
