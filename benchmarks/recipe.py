"""Which recipe a newcomer should get: candidates, trained alike, on sets of every kind.

    python benchmarks/recipe.py [--only 3bpa] [--candidate earlier] [--seed 0] [--minutes 1]

Each candidate trains a small network on each set for the same processor time of one thread. What is
judged is where a set extrapolates, too: hotter frames, a molecule or defects that training never
saw. Resumable: what benchmarks/results/recipe.json holds is not trained again. It is written after
each training. Needs the published sets (HIPNN_TS_SHARED_DATA).
"""

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import mean

import click
from accuracy import ONE_THREAD, data_folder
from recipe_candidates import CANDIDATES
from recipe_sets import SCREENED
from recipe_trial import trial

from hipnn_ts.benchmark import Check, write_report

REPORT = Path(__file__).parent / "results" / "recipe.json"


def key_of(run: dict) -> tuple:
    """What tells one training from another."""
    return run["set"], run["candidate"], run["seed"], run["minutes"]


def checks_of(runs: list[dict]) -> list[Check]:
    """The default beside the earlier one, means over the seeds that both have."""
    found = {(run["set"], run["candidate"], run["seed"]): run["tests"] for run in runs}
    checks = []
    for name, screened in SCREENED.items():
        seeds = [
            seed
            for seed in sorted({seed for _, _, seed in found})
            if {(name, side, seed) for side in ("earlier", "default")} <= set(found)
        ]
        for label in screened.tests if seeds else ():
            earlier, default = (
                mean(found[name, side, seed][label]["forces_rmse"] for seed in seeds)
                for side in ("earlier", "default")
            )
            what = f"{name}, {label}: forces RMSE of the default ({len(seeds)} seeds), meV/Å"
            checks.append(Check(name=what, value=default, limit=round(earlier, 1), better="lower"))
    return checks


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(SCREENED)), help="These sets alone.")
@click.option(
    "--candidate", "candidates", multiple=True, type=click.Choice(list(CANDIDATES)), help="These."
)
@click.option("--seed", "seeds", multiple=True, type=int, default=(0,), show_default=True)
@click.option("--minutes", default=1.0, show_default=True, help="Of one thread, each training.")
@click.option("--output", default=REPORT, type=click.Path(path_type=Path), show_default=True)
def main(only, candidates, seeds, minutes, output) -> None:
    """Train what is missing, one after the other; write the report after each."""
    folder = data_folder()
    if not (folder / "README.md").is_file():
        sys.exit(f"published data not found at {folder}; set HIPNN_TS_SHARED_DATA")
    os.environ |= ONE_THREAD
    runs = json.loads(output.read_text())["runs"] if output.exists() else []
    for seed, candidate, name in product(seeds, candidates or CANDIDATES, only or SCREENED):
        case = {"set": name, "candidate": candidate, "seed": seed, "minutes": minutes}
        if key_of(case) in {key_of(run) for run in runs}:
            continue
        # In a process of its own: the clock is a process's.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            result = pool.submit(trial, name, candidate, seed, minutes, folder).result()
        runs.append(case | result)
        figures = {"minutes_are": "processor time of one thread", "runs": runs}
        write_report(output, figures, checks_of(runs))
        errors = {label: row["forces_rmse"] for label, row in result["tests"].items()}
        print(*case.values(), f"{result['epochs']} epochs", flush=True)
        print("   ", {label: round(value, 1) for label, value in errors.items()}, flush=True)


if __name__ == "__main__":
    main()
