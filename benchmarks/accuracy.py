"""Training on published sets, a stated time for each; errors beside hippynn's and published ones.

    python benchmarks/accuracy.py [--minutes 20] [--only 3bpa ...] [--without hippynn ...] [--quick]

For each set: this package by default, with polynomials (HIP-HOP-NN), and with norms (HIP-NN-TS);
hippynn by its own recipe with the network of norms, data, split and time; the default in a tenth of
the time; and for some sets norms of lower tensor orders, and the default in four times the time,
for what more of it brings.
Minutes are those of one thread's processor time, so that a machine with other work to do changes
little. Resumable: what was trained lies in the folder accuracy/, and an interrupted run goes on
there. Writes benchmarks/results/accuracy/SET.json after each run; --quick tries the way through
with small networks for seconds each and writes nothing there. The data is published elsewhere:
HIPNN_TS_SHARED_DATA.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from accuracy_runs import HIPPYNN, OURS, Run, in_own_process
from accuracy_sets import SETS, Set
from accuracy_table import checks_of, named, print_rows
from ase.io import write

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.data.read import read_named
from hipnn_ts.data.split import split

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "accuracy"
TRAINED = ROOT / "accuracy"
QUICK_MINUTES = 0.05
SOON = 0.1  # share of hippynn's time in which we want its best error
LONG = 4.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


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


def runs_of(chosen: Set, without: Sequence[str]) -> list[Run]:
    """What to train, the most telling first."""
    default = Run(OURS, 3, invariants="polynomials")
    runs = [default, Run(OURS, 2)]
    if HIPPYNN not in without:
        runs += [Run(HIPPYNN, 2), replace(default, share=SOON)]
    if chosen.long and "long" not in without:
        runs += [replace(default, share=LONG)]
    if chosen.orders and "orders" not in without:
        runs += [Run(OURS, 1), Run(OURS, 0)]
    return runs


def train_all(
    name: str, folder: Path, minutes: float, seed: int, without: Sequence[str], quick: bool
) -> list[Check]:
    """Train what belongs to a set, and write its report after each run; the checks."""
    chosen = with_files(name, folder)
    runs, checks = [], []
    for run in runs_of(chosen, without):
        given = run.share * minutes
        print(f"\n{name}: {named(vars(run))}, {given:g} minutes ...", flush=True)
        kind = f"{'quick' if quick else f'{given:g}-minutes'}-seed-{seed}"
        output = TRAINED / kind / name / f"{run.side}-{run.invariants}-l{run.l_max}"
        runs.append(in_own_process(run, chosen, folder, output, given, seed, quick))
        print_rows(chosen, runs[-1])
        checks = checks_of(name, chosen, runs)
        if not quick:
            settings = {"set": name, "minutes": minutes, "seed": seed}
            write_report(RESULTS / f"{name}.json", settings | report(chosen, runs), checks)
    return checks


def report(chosen: Set, runs: list[dict]) -> dict:
    """What a results file says of a set beside its checks."""
    return {
        "minutes_are": "processor time of one thread",
        "energy_unit": chosen.energy_unit,
        "network": chosen.network,
        "runs": runs,
        "published": {
            label: [vars(figure) for figure in test.published]
            for label, test in chosen.tests.items()
        },
    }


@click.command()
@click.option("--minutes", default=20.0, show_default=True, help="Training time of each run.")
@click.option("--seed", default=0, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(SETS)), help="These sets alone.")
@click.option(
    "--without",
    multiple=True,
    type=click.Choice([HIPPYNN, "long", "orders"]),
    help="Leave out hippynn's side, runs of four times the time, lower tensor orders.",
)
@click.option("--quick", is_flag=True, help="Seconds for each run; writes no results.")
def main(
    minutes: float, seed: int, only: tuple[str, ...], without: tuple[str, ...], quick: bool
) -> None:
    """Train, evaluate, compare."""
    folder = data_folder()
    if not (folder / "README.md").is_file():
        sys.exit(f"published data not found at {folder}; set HIPNN_TS_SHARED_DATA")
    os.environ |= ONE_THREAD
    RESULTS.mkdir(parents=True, exist_ok=True)
    minutes = QUICK_MINUTES if quick else minutes
    checks = []
    for name in only or SETS:
        checks += train_all(name, folder, minutes, seed, without, quick)
    print()
    for check in checks:
        state = {True: "reached", False: "NOT REACHED", None: "not judged"}[check.passed]
        print(f"{state}: {check.name}: {check.value:.3g}, bar {check.limit:.3g}")
    if not quick:
        print(f"results: {RESULTS}")


if __name__ == "__main__":
    main()
