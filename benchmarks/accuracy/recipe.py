"""Which recipe a newcomer should get: candidates, trained alike, on sets of every kind.

    python -m benchmarks.accuracy.recipe [--only 3bpa] [--candidate earlier] [--output FILE]

Each candidate trains a small network on each set for the same processor time of one thread. What is
judged is where a set extrapolates, too: hotter frames, a molecule or defects that training never
saw. Resumable: what the results file holds is not trained again. It is written after each
training. Minutes of two machines differ: what is to be compared goes into one file. Needs the
published sets (HIPNN_TS_SHARED_DATA).
"""

import json
import os
import re
from itertools import product
from pathlib import Path
from statistics import mean

import click

from benchmarks.accuracy.recipe_candidates import CANDIDATES
from benchmarks.accuracy.recipe_sets import N_SEEN, SCREENED
from benchmarks.accuracy.runs import ONE_THREAD, train_ours
from benchmarks.accuracy.spawned import spawned
from benchmarks.models import TRAINED, published_data
from benchmarks.report import Check, at_most, results_file, write_report
from hipnn_ts.data.read import read_named
from hipnn_ts.evaluation import evaluate
from hipnn_ts.training.config import parse_config

KEPT = [
    f"{quantity}_{measure}"
    for quantity in ("energy", "forces", "stress")
    for measure in ("rmse", "mae")
]


def trial(name: str, candidate: str, seed: int, minutes: float, folder: Path) -> dict:
    """Train a candidate on a set; epochs, and errors by test (meV/atom, meV/Å)."""
    chosen, recipe = SCREENED[name], CANDIDATES[candidate]
    training = dict(recipe["training"])
    per_step = training.pop("atoms_per_step", None)
    if per_step is not None:
        training["batch_size"] = max(1, round(per_step / chosen.n_atoms))
    validation = chosen.validation
    train = chosen.train.paths(folder, f"{name}_train")
    content = {
        "network": chosen.network | recipe["network"],
        "data": {
            "train": train,
            "validation": [validation] if isinstance(validation, str) else validation,
        },
        "training": training | {"max_minutes": minutes, "seed": seed},
    }
    case = re.sub(r"[^\w.]+", "-", f"{candidate}-{minutes:g}-minutes-seed-{seed}")
    config = parse_config(content, "recipe.py", folder)
    potential, done = train_ours(config, TRAINED / "recipe" / name / case)
    parts = {
        label: read_named(tuple(map(Path, part.paths(folder, f"{name}_{label}")))).frames
        for label, part in chosen.tests.items()
    }
    parts["seen"] = read_named(tuple(map(Path, train))).frames[:N_SEEN]
    errors = {label: evaluate(potential, frames) for label, frames in parts.items()}
    tests = {
        label: {key: round(found[key], 3) for key in KEPT if key in found}
        for label, found in errors.items()
    }
    return {"epochs": done["epochs"], "tests": tests}


def key_of(run: dict) -> tuple:
    """What tells one training from another."""
    return run["set"], run["candidate"], run["seed"], run["minutes"]


def checks_of(runs: list[dict]) -> list[Check]:
    """The default beside the same network by Adam, means over the seeds that both have."""
    found = {(run["set"], run["candidate"], run["seed"]): run["tests"] for run in runs}
    checks = []
    for name, screened in SCREENED.items():
        by_adam, default = (
            {seed: tests for (of, by, seed), tests in found.items() if (of, by) == (name, side)}
            for side in ("polynomials", "default")
        )
        seeds = by_adam.keys() & default.keys()
        for label in screened.tests if seeds else ():
            old, new = (
                mean(tests[seed][label]["forces_rmse"] for seed in seeds)
                for tests in (by_adam, default)
            )
            what = f"{name}, {label}: forces RMSE of the default ({len(seeds)} seeds), meV/Å"
            checks.append(at_most(what, new, round(old, 1)))
    return checks


@click.command(help=__doc__)
@click.option("--only", multiple=True, type=click.Choice(list(SCREENED)), help="These sets alone.")
@click.option(
    "--candidate", "candidates", multiple=True, type=click.Choice(list(CANDIDATES)), help="These."
)
@click.option("--seed", "seeds", multiple=True, type=int, default=(0,), show_default=True)
@click.option("--minutes", default=1.0, show_default=True, help="Of one thread, each training.")
@click.option("--quick", is_flag=True, help="Seconds for each, into build/quick.")
@click.option("--output", type=click.Path(path_type=Path), help="Another file to write.")
def main(only, candidates, seeds, minutes, quick, output) -> None:
    folder = published_data()
    os.environ |= ONE_THREAD
    minutes, output = 0.05 if quick else minutes, output or results_file("recipe", quick)
    runs = json.loads(output.read_text())["runs"] if output.exists() else []
    for seed, candidate, name in product(seeds, candidates or CANDIDATES, only or SCREENED):
        case = {"set": name, "candidate": candidate, "seed": seed, "minutes": minutes}
        if key_of(case) in {key_of(run) for run in runs}:
            continue
        result = spawned(trial, name, candidate, seed, minutes, folder)
        runs.append(case | result)
        figures = {"minutes_are": "processor time of one thread", "runs": runs}
        write_report(output, figures, checks_of(runs))
        errors = {label: round(row["forces_rmse"], 1) for label, row in result["tests"].items()}
        print(*case.values(), f"{result['epochs']} epochs\n   ", errors, flush=True)


if __name__ == "__main__":
    main()
