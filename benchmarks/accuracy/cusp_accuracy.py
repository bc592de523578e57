"""Does a rounder cusp cost accuracy? Short trainings with one regularisation beside another.

    python -m benchmarks.accuracy.cusp_accuracy [--cusps 1e-6 --cusps 0.1] [--only mlearn_Si]

The sets, networks and recipes of accuracy.py. All trainings of a set take the same number of
epochs: as many as its record in results/accuracy made in ``--minutes``, so that what else the
machine does changes nothing. Resumable. Writes results/cusp_accuracy.json after each training.
"""

import json
import os
from concurrent.futures import as_completed
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean

import click

from benchmarks.accuracy.runs import ONE_THREAD, config_of, judge_all, train_ours
from benchmarks.accuracy.sets import SETS, with_files
from benchmarks.accuracy.spawned import workers
from benchmarks.models import TRAINED, published_data
from benchmarks.report import Check, at_most, results_file, write_report

NO_LIMIT = 1e4  # minutes: epochs end a training


def epochs_of(name: str, minutes: float) -> int:
    """As many as the set's record made in that time, at least two."""
    record = json.loads(results_file(f"accuracy/{name}").read_text())["runs"][0]["training"]
    return max(2, round(record["epochs"] * minutes / record["minutes"]))


def trained(name: str, cusp: float, seed: int, l_max: int, epochs: int, data: Path) -> dict:
    """One training, and its errors on the set's tests."""
    chosen = with_files(name, data)
    chosen = replace(chosen, training=chosen.training | {"epochs": epochs})
    network = {"invariants": "norms", "cusp_regularisation": cusp, "l_max": l_max}
    output = TRAINED / "cusps" / f"{name}-l{l_max}" / f"{cusp:g}-{epochs}-epochs-seed-{seed}"
    potential, _ = train_ours(config_of(chosen, data, NO_LIMIT, seed, network), output)
    case = {"set": name, "cusp_regularisation": cusp, "seed": seed, "l_max": l_max}
    return case | {"epochs": epochs, "tests": judge_all(potential, chosen, data)}


def figures_of(run: dict) -> dict[str, float]:
    """What is compared: forces where the set has them, energies elsewhere."""
    out = {}
    for label, errors in run["tests"].items():
        key = "forces_rmse" if errors.get("forces_rmse") is not None else "energy_rmse"
        out[f"{label}: {key}"] = errors[key]
    return out


def checks_of(runs: list[dict], cusps: tuple[float, ...]) -> list[Check]:
    """The last cusp's mean over the seeds, at most the first one's and its spread."""
    found: dict[tuple, dict[float, list[float]]] = {}
    for run in runs:
        for quantity, value in figures_of(run).items():
            by_cusp = found.setdefault((run["set"], run["l_max"], quantity), {})
            by_cusp.setdefault(run["cusp_regularisation"], []).append(value)
    checks = []
    for (name, l_max, quantity), by_cusp in sorted(found.items()):
        old, new = (by_cusp.get(cusp, []) for cusp in (cusps[0], cusps[-1]))
        if min(len(old), len(new)) > 1:
            spread = max(max(values) - min(values) for values in (old, new))
            what = f"{name}, l_max {l_max}, {quantity}: mean at {cusps[-1]:g} beside"
            limit = mean(old) + spread
            checks.append(at_most(f"{what} {mean(old):.4g} at {cusps[0]:g}", mean(new), limit))
    return checks


@click.command(help=__doc__)
@click.option("--cusps", multiple=True, type=float, default=(1e-6, 0.1), show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(SETS)), help="These sets alone.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--l-max", multiple=True, type=int, default=(2,), show_default=True)
@click.option("--minutes", default=0.4, show_default=True, help="Of one core, each training.")
@click.option("--count", default=1, show_default=True, help="Trainings at a time.")
@click.option("--quick", is_flag=True, help="Two seeds of a second each, into build/quick.")
def main(cusps, only, seeds, l_max, minutes, count, quick) -> None:
    data = published_data()
    os.environ |= ONE_THREAD
    minutes, seeds = (0.01, 2) if quick else (minutes, seeds)
    names = only or tuple(SETS)
    for name in names:
        with_files(name, data)  # written once, not by two workers
    runs: list[dict] = []
    with workers(count) as pool:
        jobs = [
            pool.submit(trained, name, cusp, seed, order, epochs_of(name, minutes), data)
            for seed, name, order, cusp in product(range(seeds), names, l_max, cusps)
        ]
        for done in as_completed(jobs):
            runs.append(done.result())
            print(*(runs[-1][key] for key in ("set", "l_max", "cusp_regularisation", "seed")))
            print("   ", {key: round(value, 3) for key, value in figures_of(runs[-1]).items()})
            figures = {"minutes_of_the_record": minutes, "runs": runs}
            write_report(results_file("cusp_accuracy", quick), figures, checks_of(runs, cusps))


if __name__ == "__main__":
    main()
