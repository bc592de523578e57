"""Training on published sets, a stated time for each; errors beside hippynn's and published ones.

    python benchmarks/accuracy.py [--minutes 20] [--only 3bpa ...] [--quick]

For each set: this package, hippynn by its own recipe with the same network, data, split and time,
this package in a tenth of the time, and for some sets the same network with lower tensor orders.
Minutes are those of one thread's
processor time, so that a machine with other work to do changes no result. Resumable: what was
trained lies in the folder accuracy/, and an interrupted run goes on there. Writes
benchmarks/results/accuracy/SET.json after each run; --quick tries the way through with small
networks for seconds each and writes nothing there. The data is published elsewhere:
HIPNN_TS_SHARED_DATA.
"""

import csv
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import click
import torch
from accuracy_sets import SETS, Set, Test
from accuracy_table import checks_of, print_rows, row_of
from ase.data import atomic_numbers
from ase.io import write

from hipnn_ts.benchmark import write_report
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data.read import read_named
from hipnn_ts.data.split import split
from hipnn_ts.evaluation import evaluate
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.config import network_config, parse_config
from hipnn_ts.training.fit import LOG, train
from hipnn_ts.training.prepare import load_data
from hipnn_ts.training.sections import RunConfig

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "accuracy"
TRAINED = ROOT / "accuracy"
QUICK = {"n_features": [8, 8], "n_atom_layers": 1, "n_sensitivities": 8}
QUICK_MINUTES = 0.05
QUICK_FRAMES = 20
OURS, HIPPYNN = "hipnn-ts", "hippynn"
SOON = 0.1  # share of hippynn's time in which we want its best error


@dataclass(frozen=True)
class Run:
    """One training: whose, with which tensor order, in which share of the minutes."""

    side: str
    l_max: int
    share: float = 1.0


def data_folder() -> Path:
    """Where the published sets are."""
    return Path(os.environ.get("HIPNN_TS_SHARED_DATA", ROOT.parent / "shared" / "data"))


def with_files(name: str, folder: Path) -> Set:
    """A set; what it holds out, and the rest, are written to files of their own."""
    chosen = SETS[name]
    if chosen.held_out is None:
        return chosen
    parts = split(read_named((folder / chosen.train,)), chosen.held_out, None, 0)
    files = [TRAINED / "split" / f"{name}_{part}.extxyz" for part in ("train", "test")]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    for file, part in zip(files, parts, strict=True):
        write(file, part.frames)
    train, held_out = map(str, files)
    tests = {
        label: replace(test, file=test.file or held_out) for label, test in chosen.tests.items()
    }
    return replace(chosen, train=train, tests=tests)


def config_of(
    chosen: Set, folder: Path, minutes: float, seed: int, l_max: int, quick: bool
) -> RunConfig:
    """The configuration of a run."""
    validation = chosen.validation
    content = {
        "network": chosen.network | {"l_max": l_max} | (QUICK if quick else {}),
        "data": {
            "train": [chosen.train],
            "validation": [validation] if isinstance(validation, str) else validation,
            **chosen.data,
        },
        "training": {**chosen.training, "max_minutes": minutes, "seed": seed},
    }
    return parse_config(content, "accuracy.py", folder)


def train_ours(config: RunConfig, folder: Path, quick: bool) -> tuple[Potential, dict]:
    """Train, or go on; the potential, and what was done."""
    path = train(
        config,
        folder,
        resume=not quick,
        overwrite=quick,
        progress_bar=True,
        clock=time.process_time,
    )
    potential, provenance = load_checkpoint(path)
    with (folder / LOG).open(newline="") as file:
        log = list(csv.DictReader(file))
    # Errors of energies alone are not measured alike on the two sides: no curve of theirs.
    curve = [
        (float(row["minutes"]), float(row["validation_forces_rmse"]))
        for row in log
        if "validation_forces_rmse" in row
    ]
    return potential, {
        "minutes": float(log[-1]["minutes"]),
        "epochs": len(log),
        "curve": curve,
        "best": provenance,
    }


def train_theirs(config: RunConfig, folder: Path, quick: bool) -> tuple[Potential, dict]:
    """The same by hippynn."""
    from hippynn_training import train_with_hippynn

    training, validation = load_data(config.data)
    symbols = {symbol for frame in training.frames for symbol in frame.get_chemical_symbols()}
    return train_with_hippynn(
        network_config(config, sorted(symbols, key=atomic_numbers.get)),
        training.frames,
        validation.frames,
        folder,
        config.training.max_minutes,
        config.training.batch_size,
        config.training.seed,
    )


def runs_of(chosen: Set, hippynn: bool) -> list[Run]:
    """What to train, the most telling first."""
    runs = [Run(OURS, 2)]
    if hippynn:
        runs += [Run(HIPPYNN, 2), Run(OURS, 2, SOON)]
    if chosen.ablation:
        runs += [Run(OURS, 1), Run(OURS, 0)]
    return runs


def judge(potential: Potential, chosen: Set, test: Test, folder: Path, quick: bool) -> dict:
    """Errors on a test file, in the set's units."""
    frames = read_named((folder / test.file,)).frames
    return row_of(chosen, evaluate(potential, frames[:QUICK_FRAMES] if quick else frames))


@click.command()
@click.option("--minutes", default=20.0, show_default=True, help="Training time of each run.")
@click.option("--seed", default=0, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(SETS)), help="These sets alone.")
@click.option("--hippynn/--no-hippynn", default=True, show_default=True, help="Train its side.")
@click.option("--quick", is_flag=True, help="Seconds for each run; writes no results.")
def main(minutes: float, seed: int, only: tuple[str, ...], hippynn: bool, quick: bool) -> None:
    """Train, evaluate, compare."""
    folder = data_folder()
    if not (folder / "README.md").is_file():
        sys.exit(f"published data not found at {folder}; set HIPNN_TS_SHARED_DATA")
    torch.set_num_threads(1)
    RESULTS.mkdir(parents=True, exist_ok=True)
    minutes = QUICK_MINUTES if quick else minutes
    checks = []
    for name in only or SETS:
        chosen = with_files(name, folder)
        runs = []
        for run in runs_of(chosen, hippynn):
            given = run.share * minutes
            print(f"\n{name}: {run.side}, l_max {run.l_max}, {given:g} minutes ...", flush=True)
            config = config_of(chosen, folder, given, seed, run.l_max, quick)
            kind = f"{'quick' if quick else f'{given:g}-minutes'}-seed-{seed}"
            output = TRAINED / kind / name / f"{run.side}-l{run.l_max}"
            sides = {OURS: train_ours, HIPPYNN: train_theirs}
            potential, done = sides[run.side](config, output, quick)
            tests = {
                label: judge(potential, chosen, test, folder, quick)
                for label, test in chosen.tests.items()
            }
            runs.append(
                {
                    **vars(run),
                    "n_parameters": sum(p.numel() for p in potential.parameters()),
                    "training": done,
                    "tests": tests,
                }
            )
            print_rows(chosen, runs[-1])
            found = checks_of(name, chosen, runs)
            if not quick:
                figures = {
                    "set": name,
                    "minutes": minutes,
                    "minutes_are": "processor time of one thread",
                    "seed": seed,
                    "energy_unit": chosen.energy_unit,
                    "network": config.network,
                    "runs": runs,
                    "published": {
                        label: [vars(figure) for figure in test.published]
                        for label, test in chosen.tests.items()
                    },
                }
                write_report(RESULTS / f"{name}.json", figures, found)
        checks += found
    print()
    for check in checks:
        state = {True: "reached", False: "NOT REACHED", None: "not judged"}[check.passed]
        print(f"{state}: {check.name}: {check.value:.3g}, bar {check.limit:.3g}")
    if not quick:
        print(f"results: {RESULTS}")


if __name__ == "__main__":
    main()
