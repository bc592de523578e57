"""The main job, end to end: train, export, run one file in ASE, LAMMPS and OpenMM, compare.

    python -m benchmarks.physics.demo [--steps N] [--record] [--quick]

Trains on the project's own xTB water (examples/reference_data), exports in both precisions and
prints one table. Everything it makes lies in the folder demo/.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np

from benchmarks.physics.engines import Result, run_ase, run_lammps, run_openmm
from benchmarks.report import ROOT, at_most, print_checks, results_file, write_report
from benchmarks.water import LABELLED, thermal_water
from docs.rendering.demo import draw
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.data.read import read_frames
from hipnn_ts.processes import program

BARS = {"float32": 1e-5, "float64": 1e-9}  # largest force difference between engines, eV/Å


def command(*arguments) -> None:
    """A command line as a user types it, shown and run."""
    click.secho("$ hipnn-ts " + " ".join(str(a) for a in arguments), bold=True)
    run = subprocess.run([program("hipnn-ts"), *map(str, arguments)], cwd=ROOT)
    if run.returncode:
        sys.exit(run.returncode)


def run_engines(model: Path, atoms, steps: int, interval: int) -> list[Result]:
    """ASE first: it is what the others are compared with."""
    print(f"running {model.name} ...", flush=True)
    return [
        run_ase(model, atoms, 0, interval),
        run_lammps(model, atoms, steps, interval, 1, model.parent),
        run_lammps(model, atoms, steps, interval, 2, model.parent),
        run_openmm(model, atoms, 0, interval, "Reference"),
        run_openmm(model, atoms, steps, interval, "CPU"),
    ]


def table(dtype: str, results: list[Result]) -> list[dict]:
    """Print the comparison; return it for the report."""
    head = f"{dtype:<20}{'energy, eV':>20}{'max |ΔF|, eV/Å':>18}"
    print(f"\n{head}{'drift, µeV/atom/ps':>22}{'steps/s':>10}")
    rows = []
    for r in results:
        difference, drift = r.force_difference(results[0]), None if r.times is None else r.drift()
        text = f"{r.engine:<20}{r.energy:>20.6f}{difference:>18.1e}"
        print(text + ("" if drift is None else f"{drift:>22.2f}{r.steps_per_second:>10.1f}"))
        rows.append(
            {
                "engine": r.engine,
                "dtype": dtype,
                "energy_eV": r.energy,
                "max_force_difference_eV_per_A": difference,
                "drift_ueV_per_atom_per_ps": drift,
                "steps_per_second": r.steps_per_second,
            }
        )
    return rows


def parity(model: Path) -> tuple[np.ndarray, np.ndarray]:
    """Force components of every tenth labelled frame and what the model makes of them."""
    frames = read_frames(LABELLED)[::10]
    calculator = HIPNNTSCalculator(model)
    predicted = [calculator.get_forces(frame.copy()) for frame in frames]
    return np.concatenate([f.get_forces() for f in frames]), np.concatenate(predicted)


@click.command(help=__doc__)
@click.option("--steps", default=2000, show_default=True, help="Steps of 0.5 fs in each NVE run.")
@click.option("--record", is_flag=True, help="Also write benchmarks/results/demo.json.")
@click.option("--quick", is_flag=True, help="Seconds of training, 40 steps, in build/quick/demo.")
def main(steps: int, record: bool, quick: bool) -> None:
    out = (ROOT / "build" / "quick" if quick else ROOT) / "demo"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    training, steps = out / "training", 40 if quick else steps
    shorter = ["training.max_minutes=0.1"] if quick else []
    command("train", "examples/water/train.yaml", *shorter, "-o", training)
    models = {dtype: out / f"water-{dtype}.pt" for dtype in BARS}
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
        worst = max(r.force_difference(results[0]) for r in results)
        name = f"largest force difference between engines, {dtype}, eV/Å"
        checks.append(at_most(name, worst, BARS[dtype]))
    moving = [r for r in runs["float32"] if r.times is not None]
    drift = max(abs(r.drift()) for r in moving)
    noise = f"{steps * 0.5e-3:g} ps tell the noise of the total energy, not its drift"
    checks.append(at_most("energy drift, NVE, float32, µeV/atom/ps", drift, 1.0, noise))
    picture, report, model = out / "demo.png", out / "demo.json", models["float32"]
    draw(picture, training / "metrics.csv", parity(model), moving)
    write_report(report, {"n_atoms": len(atoms), "steps": steps, "engines": rows}, checks)
    if record:  # README's figures follow from that file, which `make test` looks at
        shutil.copy(report, results_file("demo"))
    print(f"\npicture: {picture}\nresults: {report}\nexported file: {model}")
    print(f"  LAMMPS:  pair_style hipnn/ts\n           pair_coeff * * {model} H O")
    print(f'  OpenMM:  system.addForce(hipnn_ts.openmm.create_force("{model}", topology))')
    sys.exit(0 if print_checks(checks) else 1)


if __name__ == "__main__":
    main()
