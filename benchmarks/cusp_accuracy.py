"""Does a rounder cusp cost accuracy? Short trainings with one regularisation beside another.

    python benchmarks/cusp_accuracy.py [--cusps 1e-6 --cusps 0.1] [--only mlearn_Si] [--workers 2]

The sets, networks and recipes of accuracy.py. All trainings of a set take the same number of
epochs: as many as its record in benchmarks/results/accuracy made in ``--minutes``, so that what
else the machine does changes nothing. Resumable. Writes benchmarks/results/cusp_accuracy.json after
each training.
"""

import json
import os
import statistics
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import click
from accuracy import ONE_THREAD, RESULTS, TRAINED, data_folder, with_files
from accuracy_runs import config_of, judge, train_ours
from accuracy_sets import SETS, Set

from hipnn_ts.benchmark import Check, write_report

REPORT = Path(__file__).parent / "results" / "cusp_accuracy.json"
NO_LIMIT = 1e4  # minutes: epochs end a training


def epochs_of(name: str, minutes: float) -> int:
    """As many as the set's record made in that time, at least two."""
    first = json.loads((RESULTS / f"{name}.json").read_text())["runs"][0]["training"]
    return max(2, round(first["epochs"] * minutes / first["minutes"]))


def trained(name: str, cusp: float, seed: int, l_max: int, epochs: int) -> dict:
    """One training, and its errors on the set's tests."""
    folder = data_folder()
    chosen: Set = with_files(name, folder)
    chosen = replace(
        chosen,
        network=chosen.network | {"invariants": "norms", "cusp_regularisation": cusp},
        training=chosen.training | {"epochs": epochs},
    )
    output = TRAINED / "cusps" / f"{name}-l{l_max}" / f"{cusp:g}-{epochs}-epochs-seed-{seed}"
    config = config_of(chosen, folder, NO_LIMIT, seed, l_max, quick=False)
    potential, _ = train_ours(config, output, quick=False)
    tests = {
        label: judge(potential, chosen, test, folder, quick=False)
        for label, test in chosen.tests.items()
    }
    case = {"set": name, "cusp_regularisation": cusp, "seed": seed, "l_max": l_max}
    return case | {"epochs": epochs, "tests": tests}


def figures_of(run: dict) -> dict[str, float]:
    """What is compared: forces where the set has them, energies elsewhere."""
    out = {}
    for label, errors in run["tests"].items():
        key = "forces_rmse" if errors.get("forces_rmse") is not None else "energy_rmse"
        out[f"{label}: {key}"] = errors[key]
    return out


def checks_of(runs: list[dict], cusps: tuple[float, ...]) -> list[Check]:
    """The last cusp's mean over the seeds, at most the first one's and its spread."""
    checks = []
    for name, l_max in sorted({(run["set"], run["l_max"]) for run in runs}):
        by_cusp = [
            [
                figures_of(run)
                for run in runs
                if (run["set"], run["l_max"], run["cusp_regularisation"]) == (name, l_max, cusp)
            ]
            for cusp in (cusps[0], cusps[-1])
        ]
        if not all(len(found) > 1 for found in by_cusp):
            continue
        for quantity in by_cusp[0][0]:
            old, new = ([figures[quantity] for figures in found] for found in by_cusp)
            spread = max(max(values) - min(values) for values in (old, new))
            checks.append(
                Check(
                    name=f"{name}, l_max {l_max}, {quantity}: mean at {cusps[-1]:g} beside "
                    f"{statistics.mean(old):.4g} at {cusps[0]:g}",
                    value=statistics.mean(new),
                    limit=statistics.mean(old) + spread,
                    better="lower",
                )
            )
    return checks


@click.command()
@click.option("--cusps", multiple=True, type=float, default=(1e-6, 0.1), show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(SETS)), help="These sets alone.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--l-max", multiple=True, type=int, default=(2,), show_default=True)
@click.option("--minutes", default=0.4, show_default=True, help="Of one core, each training.")
@click.option("--workers", default=1, show_default=True, help="Trainings at a time.")
@click.option("--output", default=REPORT, type=click.Path(path_type=Path), show_default=True)
def main(cusps, only, seeds, l_max, minutes, workers, output) -> None:
    """Train all cases, print, write the report."""
    os.environ |= ONE_THREAD
    names = only or tuple(SETS)
    for name in names:
        with_files(name, data_folder())  # written once, not by two workers
    jobs = [
        (name, cusp, seed, order, epochs_of(name, minutes))
        for seed, name, order, cusp in product(range(seeds), names, l_max, cusps)
    ]
    runs: list[dict] = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(trained, *job) for job in jobs]):
            runs.append(done.result())
            print(*(runs[-1][key] for key in ("set", "l_max", "cusp_regularisation", "seed")))
            print("   ", {key: round(value, 3) for key, value in figures_of(runs[-1]).items()})
            write_report(
                output,
                {"minutes_of_the_record": minutes, "runs": runs},
                checks_of(runs, cusps),
            )


if __name__ == "__main__":
    main()
