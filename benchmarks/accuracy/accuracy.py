"""Train on published sets for a given time; errors beside hippynn's, peers' and published ones.

    python -m benchmarks.accuracy.accuracy [--only 3bpa ...] [--without hippynn ...]

On each set this package trains with its defaults, which have polynomials (HIP-HOP-NN), and with
norms (HIP-NN-TS); hippynn trains the network with norms by its own recipe on the same data and
split for the same time. The default is also trained in a tenth of the time and with two other seeds
(the mean of the three is a committee). Some sets add norms of lower tensor orders, the default in
four times the time, a network that learns from the committee (`hipnn-ts distil`), and NEP and MACE,
whose interpreter `make .venv-mace/.installed` sets up. Test errors are judged: ours against the
peers' and the best published ones of like cost.
Minutes are processor time of one thread, on which other work of the machine has little effect. What
was trained is kept in the folder accuracy/, where an interrupted run continues. Each run updates
results/accuracy/SET.json; --quick trains small networks for seconds and writes nothing there. Needs
the published sets in the folder HIPNN_TS_SHARED_DATA.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from benchmarks.accuracy.runs import (
    HIPPYNN,
    ONE_THREAD,
    OURS,
    PEERS,
    Run,
    folder_of,
    together,
    trained,
)
from benchmarks.accuracy.sets import SETS, Set, with_files
from benchmarks.accuracy.spawned import spawned
from benchmarks.accuracy.table import checks_of, named, print_rows
from benchmarks.models import published_data
from benchmarks.report import Check, print_checks, results_file, write_report

QUICK_MINUTES = 0.05
SOON = 0.1  # share of hippynn's time in which we want its best error
LONG = 4.0
SEEDS = 1, 2  # in addition to 0


def runs_of(chosen: Set, without: Sequence[str]) -> list[Run]:
    """Trainings of a set, the most informative first."""
    default = Run(OURS, 3, invariants="polynomials")
    kinds = {
        "norms": [Run(OURS, 2)],
        HIPPYNN: [Run(HIPPYNN, 2), replace(default, share=SOON)],
        "seeds": [replace(default, seed=seed) for seed in SEEDS],
        "long": [replace(default, share=LONG)] if chosen.long else [],
        "peers": [Run(side, None) for side in PEERS] if chosen.peers else [],
        "orders": [Run(OURS, 1), Run(OURS, 0)] if chosen.orders else [],
        "distilled": [
            replace(default, share=share, distilled=True)
            for share in (1.0, *([LONG] if chosen.long and "long" not in without else []))
            if chosen.distilled_at and "seeds" not in without
        ],
    }
    return [default, *(run for kind, runs in kinds.items() if kind not in without for run in runs)]


def train_all(name: str, folder: Path, without: Sequence[str], quick: bool) -> list[Check]:
    """Do the trainings of a set and write its report after each; return the checks."""
    chosen = with_files(name, folder)
    minutes = QUICK_MINUTES if quick else chosen.minutes
    path = results_file(f"accuracy/{name}")
    planned = runs_of(chosen, without)
    kept = [] if quick else earlier_rows(path, chosen, planned)
    rows, checks, of_seeds = [], [], []
    seeds = [replace(planned[0], seed=seed) for seed in (0, *SEEDS)]
    members = [folder_of(run, name, minutes, quick) for run in seeds]
    for run in planned:
        given = run.share * minutes
        print(f"\n{name}: {named(vars(run))}, seed {run.seed}, {given:g} minutes ...", flush=True)
        output = folder_of(run, name, given, quick)
        arguments = run, chosen, folder, output, given, quick, members if run.distilled else ()
        rows.append(spawned(trained, *arguments, python=run.python))
        print_rows(chosen, rows[-1])
        if replace(run, seed=0) == planned[0]:
            of_seeds.append((rows[-1], output))
            if len(of_seeds) == 1 + len(SEEDS) and not quick:
                rows.append(together(*map(list, zip(*of_seeds, strict=True)), chosen, folder))
                print_rows(chosen, rows[-1])
        checks = checks_of(name, chosen, rows + kept)
        if not quick:
            write_report(path, report(name, chosen, rows + kept), checks)
    return checks


def earlier_rows(path: Path, chosen: Set, planned: list[Run]) -> list[dict]:
    """Rows, with their commit, of runs that are not planned, from a report of as many minutes."""
    committee = [replace(run, seed=None) for run in planned if run.seed]
    result = json.loads(path.read_text()) if path.exists() else {"minutes": None}
    if result["minutes"] != chosen.minutes:
        return []
    earlier = {"invariants": "norms", "seed": 0, "distilled": False, "commit": result["commit"]}
    rows = [earlier | row for row in result["runs"]]
    again = [vars(run).items() for run in (*planned, *committee)]
    return [row for row in rows if not any(run <= row.items() for run in again)]


def report(name: str, chosen: Set, rows: list[dict]) -> dict:
    """Figures of a set's report."""
    return {
        "set": name,
        "minutes": chosen.minutes,
        "minutes_are": "processor time of one thread",
        "energy_unit": chosen.energy_unit,
        "network": chosen.network,
        "runs": rows,
        "published": {
            label: [vars(figure) for figure in test.published]
            for label, test in chosen.tests.items()
        },
    }


@click.command(help=__doc__)
@click.option("--only", multiple=True, type=click.Choice(list(SETS)), help="These sets alone.")
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(["norms", HIPPYNN, "seeds", "long", "peers", "orders", "distilled"]),
    help="Leave out norms, hippynn's side, other seeds, runs of four times the time, NEP and MACE, "
    "lower tensor orders, the network that learns from the committee; what an earlier report has "
    "of them is kept.",
)
@click.option("--quick", is_flag=True, help="Seconds for each run; writes no results.")
def main(only: tuple[str, ...], without: tuple[str, ...], quick: bool) -> None:
    folder = published_data()
    os.environ |= ONE_THREAD
    checks = []
    for name in only or SETS:
        checks += train_all(name, folder, without, quick)
    print()
    print_checks(checks)


if __name__ == "__main__":
    main()
