"""Training on published sets, a stated time for each; errors beside hippynn's and published ones.

    python -m benchmarks.accuracy.accuracy [--minutes 20] [--only 3bpa ...] [--without hippynn ...]

For each set: this package by default, with polynomials (HIP-HOP-NN), and with norms (HIP-NN-TS);
hippynn by its own recipe with the network of norms, data, split and time; the default in a tenth of
the time; and for some sets norms of lower tensor orders, and the default in four times the time,
for what more of it brings.
Minutes are those of one thread's processor time, so that a machine with other work to do changes
little. Resumable: what was trained lies in the folder accuracy/, and an interrupted run goes on
there. Writes results/accuracy/SET.json after each run; --quick tries the way through with small
networks for seconds each and writes nothing there. The data is published elsewhere:
HIPNN_TS_SHARED_DATA.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.accuracy.runs import HIPPYNN, ONE_THREAD, OURS, Run, folder_of, trained
from benchmarks.accuracy.sets import SETS, Set, with_files
from benchmarks.accuracy.spawned import spawned
from benchmarks.accuracy.table import checks_of, named, print_rows
from benchmarks.models import published_data
from benchmarks.report import Check, print_checks, results_file, write_report

QUICK_MINUTES = 0.05
SOON = 0.1  # share of hippynn's time in which we want its best error
LONG = 4.0


def runs_of(chosen: Set, without: Sequence[str]) -> list[Run]:
    """What to train, the most telling first."""
    default = Run(OURS, 3, invariants="polynomials")
    runs = [default]
    if "norms" not in without:
        runs += [Run(OURS, 2)]
    if HIPPYNN not in without:
        runs += [Run(HIPPYNN, 2), Run(OURS, 3, SOON, "polynomials")]
    if chosen.long and "long" not in without:
        runs += [Run(OURS, 3, LONG, "polynomials")]
    if chosen.orders and "orders" not in without:
        runs += [Run(OURS, 1), Run(OURS, 0)]
    return runs


def train_all(
    name: str, folder: Path, minutes: float, seed: int, without: Sequence[str], quick: bool
) -> list[Check]:
    """Train what belongs to a set, and write its report after each run; the checks."""
    chosen = with_files(name, folder)
    path = results_file(f"accuracy/{name}")
    kept = [] if quick else earlier_runs(path, minutes, without)
    runs, checks = [], []
    for run in runs_of(chosen, without):
        given = run.share * minutes
        print(f"\n{name}: {named(vars(run))}, {given:g} minutes ...", flush=True)
        output = folder_of(run, name, given, seed, quick)
        runs.append(spawned(trained, run, chosen, folder, output, given, seed, quick))
        print_rows(chosen, runs[-1])
        checks = checks_of(name, chosen, runs + kept)
        if not quick:
            settings = {"set": name, "minutes": minutes, "seed": seed}
            write_report(path, settings | report(chosen, runs + kept), checks)
    return checks


def earlier_runs(path: Path, minutes: float, without: Sequence[str]) -> list[dict]:
    """What is left out of hippynn's runs and of norms, as a results file of as many minutes has
    it, with the commit."""
    result = json.loads(path.read_text()) if path.exists() else {"minutes": None}
    if result["minutes"] != minutes:
        return []
    left_out = [Run(HIPPYNN, 2)] if HIPPYNN in without else []
    left_out += [Run(OURS, 2)] if "norms" in without else []
    stamp = {"invariants": "norms", "commit": result["commit"]}
    rows = [stamp | row for row in result["runs"]]
    return [row for row in rows for run in left_out if vars(run).items() <= row.items()]


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


@click.command(help=__doc__)
@click.option("--minutes", default=20.0, show_default=True, help="Training time of each run.")
@click.option("--seed", default=0, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(SETS)), help="These sets alone.")
@click.option(
    "--without",
    multiple=True,
    type=click.Choice([HIPPYNN, "norms", "long", "orders"]),
    help="Leave out hippynn's side, norms (of both, runs of an earlier report are kept), runs of "
    "four times the time, lower tensor orders.",
)
@click.option("--quick", is_flag=True, help="Seconds for each run; writes no results.")
def main(
    minutes: float, seed: int, only: tuple[str, ...], without: tuple[str, ...], quick: bool
) -> None:
    folder = published_data()
    os.environ |= ONE_THREAD
    minutes = QUICK_MINUTES if quick else minutes
    checks = []
    for name in only or SETS:
        checks += train_all(name, folder, minutes, seed, without, quick)
    print()
    print_checks(checks)


if __name__ == "__main__":
    main()
