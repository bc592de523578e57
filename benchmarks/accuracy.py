"""Training on published sets, a stated time for each; errors beside published ones.

    python benchmarks/accuracy.py [--minutes 20] [--only 3bpa ...] [--quick]

Resumable: what was trained lies in the folder accuracy/, and an interrupted run goes on there.
Writes benchmarks/results/accuracy.json; --quick tries the way through with small networks for
seconds each and writes nothing there. The data is published elsewhere: HIPNN_TS_SHARED_DATA.
"""

import os
import sys
from pathlib import Path

import click
from accuracy_sets import SETS, Set, Test

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data.read import read_named
from hipnn_ts.evaluation import evaluate
from hipnn_ts.training.config import parse_config
from hipnn_ts.training.fit import train
from hipnn_ts.training.sections import RunConfig

ROOT = Path(__file__).parents[1]
QUICK = {"n_features": [8, 8], "n_atom_layers": 1, "n_sensitivities": 8}
QUICK_MINUTES = 0.1
QUICK_FRAMES = 20


def data_folder() -> Path:
    """Where the published sets are."""
    return Path(os.environ.get("HIPNN_TS_SHARED_DATA", ROOT.parent / "shared" / "data"))


def config_of(chosen: Set, folder: Path, minutes: float, seed: int, quick: bool) -> RunConfig:
    """The configuration of a run."""
    validation = chosen.validation
    content = {
        "network": chosen.network | (QUICK if quick else {}),
        "data": {
            "train": [chosen.train],
            "validation": [validation] if isinstance(validation, str) else validation,
            **chosen.data,
        },
        "training": {**chosen.training, "max_minutes": minutes, "seed": seed},
    }
    return parse_config(content, "accuracy.py", folder)


def judged(name: str, label: str, chosen: Set, test: Test, errors: dict) -> tuple[dict, list]:
    """A row of the table, printed, and its checks."""
    row = {"set": name, "test": label, "frames": errors["frames"], "errors": errors}
    row["energy_unit"] = chosen.energy_unit
    row["published"] = [vars(figure) for figure in test.published]
    checks = []
    print(f"\n{name}, {label} ({errors['frames']} frames)")
    for measure in ("mae", "rmse"):
        energy = chosen.energy_factor * errors[f"energy_{measure}"]
        row[f"energy_{measure}"], row[f"forces_{measure}"] = energy, errors[f"forces_{measure}"]
        print(
            f"  {measure.upper():5}ours{'':43}{energy:9.2f} {chosen.energy_unit}"
            f"{errors[f'forces_{measure}']:9.1f} meV/Å"
        )
        if f"stress_{measure}" in errors:
            row[f"stress_{measure}"] = errors[f"stress_{measure}"]
            print(f"  {measure.upper():5}ours, stress{errors[f'stress_{measure}']:46.2f} meV/Å^3")
    for figure in test.published:
        energy, forces = (
            "-" if value is None else f"{value:g}" for value in (figure.energy, figure.forces)
        )
        print(f"  {figure.measure.upper():5}{figure.model:47}{energy:>9}{'':9}{forces:>9}")
    rivals = [figure for figure in test.published if figure.like_cost and figure.forces]
    for quantity, unit in (("energy", chosen.energy_unit), ("forces", "meV/Å")):
        if not rivals:
            continue
        best = min(rivals, key=lambda figure: getattr(figure, quantity))
        checks.append(
            Check(
                name=f"{name}, {label}: {quantity} {best.measure.upper()} against the best "
                f"published of like cost ({best.model}), {unit}",
                value=row[f"{quantity}_{best.measure}"],
                limit=getattr(best, quantity),
                better="lower",
                reason=test.stand_in,
            )
        )
    return row, checks


@click.command()
@click.option("--minutes", default=20.0, show_default=True, help="Training time of each set.")
@click.option("--seed", default=0, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(SETS)), help="These sets alone.")
@click.option("--quick", is_flag=True, help="Seconds for each set; writes no results.")
def main(minutes: float, seed: int, only: tuple[str, ...], quick: bool) -> None:
    """Train, evaluate, compare."""
    folder = data_folder()
    if not (folder / "README.md").is_file():
        sys.exit(f"published data not found at {folder}; set HIPNN_TS_SHARED_DATA")
    minutes = QUICK_MINUTES if quick else minutes
    rows, checks = [], []
    for name in only or SETS:
        chosen = SETS[name]
        print(f"\ntraining on {name}, {minutes:g} minutes ...", flush=True)
        config = config_of(chosen, folder, minutes, seed, quick)
        output = ROOT / "accuracy" / f"{minutes:g}-minutes-seed-{seed}" / name
        path = train(config, output, resume=not quick, overwrite=quick, progress_bar=True)
        potential, provenance = load_checkpoint(path)
        for label, test in chosen.tests.items():
            named = read_named((folder / test.file,))
            frames = named.frames[:QUICK_FRAMES] if quick else named.frames
            row, found = judged(name, label, chosen, test, evaluate(potential, frames))
            rows.append(row | {"training": provenance})
            checks += found
    print()
    for check in checks:
        state = {True: "reached", False: "NOT REACHED", None: "not judged"}[check.passed]
        print(f"{state}: {check.name}: {check.value:.3g}, bar {check.limit:g}")
    if not quick:
        figures = {"minutes": minutes, "seed": seed, "rows": rows}
        report = ROOT / "benchmarks" / "results" / "accuracy.json"
        write_report(report, figures, checks)
        print(f"results: {report}")


if __name__ == "__main__":
    main()
