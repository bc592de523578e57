"""Which training recipe should be the default: candidates compared on sets of several kinds.

Each candidate trains a small network on each set for the same processor time of one thread. Test
frames include extrapolation: higher temperatures, a molecule or defects that training never saw.
The force errors of the default must not exceed those of the same network trained with Adam. The
report is written after each training, and what it has is not trained again. Minutes of two machines
differ: compare only trainings of one report. Needs the published sets (HIPNN_TS_SHARED_DATA).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean

import click

from benchmarks.accuracy.recipe_candidates import CANDIDATES
from benchmarks.accuracy.recipe_sets import SCREENED, with_parts
from benchmarks.accuracy.runs import ONE_THREAD, config_of, train_ours
from benchmarks.accuracy.spawned import spawned
from benchmarks.command import Findings, benchmark
from benchmarks.models import TRAINED, published_data
from benchmarks.report import Check, at_most
from hipnn_ts.data.read import read_named
from hipnn_ts.evaluation import evaluate

SMALL = {"n_features": [32, 32]}
N_SEEN = 100  # training frames that are evaluated too, for the gap between training and test
KEPT = [
    f"{quantity}_{measure}"
    for quantity in ("energy", "forces", "stress")
    for measure in ("rmse", "mae")
]


def trial(name: str, candidate: str, seed: int, minutes: float, folder: Path) -> dict:
    """Train a candidate on a set; epochs, and errors on each test (meV/atom, meV/Å)."""
    chosen, recipe = with_parts(name, folder), CANDIDATES[candidate]
    frames = {
        label: read_named((folder / test.file,)).frames for label, test in chosen.tests.items()
    }
    frames["seen"] = read_named((folder / chosen.train,)).frames
    training = dict(recipe["training"])
    if per_step := training.pop("atoms_per_step", None):
        n_atoms = mean(len(frame) for frame in frames["seen"])
        training["batch_size"] = max(1, round(per_step / n_atoms))
    chosen = replace(chosen, network=chosen.network | SMALL, training=training)
    config = config_of(chosen, folder, minutes, seed, recipe["network"])
    case = re.sub(r"[^\w.]+", "-", f"{candidate}-{minutes:g}-minutes-seed-{seed}")
    potential, done = train_ours(config, TRAINED / "recipe" / name / case)
    frames["seen"] = frames["seen"][:N_SEEN]
    tests = {}
    for label, judged in frames.items():
        errors = evaluate(potential, judged)
        tests[label] = {key: round(errors[key], 3) for key in KEPT if key in errors}
    return {"epochs": done["epochs"], "tests": tests}


def checks_of(runs: list[dict]) -> list[Check]:
    """Compare the default with the same network trained with Adam, by means over common seeds."""
    checks = []
    for name in SCREENED:
        by_adam, default = (
            {
                run["seed"]: run["tests"]
                for run in runs
                if run["set"] == name and run["candidate"] == candidate
            }
            for candidate in ("polynomials", "default")
        )
        seeds = by_adam.keys() & default.keys()
        labels = [label for label in default[min(seeds)] if label != "seen"] if seeds else []
        for label in labels:
            old, new = (
                mean(found[seed][label]["forces_rmse"] for seed in seeds)
                for found in (by_adam, default)
            )
            what = f"{name}, {label}: forces RMSE of the default ({len(seeds)} seeds), meV/Å"
            checks.append(at_most(what, new, round(old, 1)))
    return checks


@benchmark("recipe", minutes=0.05)
@click.option("--only", multiple=True, type=click.Choice(SCREENED), help="These sets alone.")
@click.option(
    "--candidate", "candidates", multiple=True, type=click.Choice(list(CANDIDATES)), help="These."
)
@click.option("--seed", "seeds", multiple=True, type=int, default=(0,), show_default=True)
def main(earlier: dict, only, candidates, seeds, minutes=1.0) -> Iterator[Findings]:
    """Train for so many minutes each, in processor time of one thread."""
    folder, runs = published_data(), earlier.get("runs", [])
    os.environ |= ONE_THREAD
    for seed, candidate, name in product(seeds, candidates or CANDIDATES, only or SCREENED):
        case = {"set": name, "candidate": candidate, "seed": seed, "minutes": minutes}
        if not any(case.items() <= run.items() for run in runs):
            print(*case.values(), flush=True)
            runs.append(case | spawned(trial, name, candidate, seed, minutes, folder))
            figures = {"minutes_are": "processor time of one thread", "runs": runs}
            yield figures, checks_of(runs)


if __name__ == "__main__":
    main()
