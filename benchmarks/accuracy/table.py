"""Rows and checks of accuracy.py."""

import math
from collections.abc import Iterable
from statistics import mean

from benchmarks.accuracy.sets import Set, Test
from benchmarks.report import Check, at_least, at_most

MEASURES = ("mae", "rmse")
DERIVATIVES = {"forces": "meV/Å", "stress": "meV/Å^3"}


def named(run: dict) -> str:
    """Label of a run: its side and its network."""
    if run["l_max"] is None:
        return run["side"]
    hop = ", polynomials" if run["invariants"] == "polynomials" else ""
    earlier = f" (of {run['commit']})" if "commit" in run else ""
    kind = ", committee of 3" if "seed" in run and run["seed"] is None else ""
    kind += ", distilled" if run.get("distilled") else ""
    return f"{run['side']}, l_max {run['l_max']}{hop}{kind}{earlier}"


def by_seeds(runs: Iterable[dict]) -> list[list[dict]]:
    """Group the runs that differ by their seed alone."""
    groups: dict[tuple, list[dict]] = {}
    for run in runs:
        kind = named(run), run["share"]
        groups.setdefault(kind, []).append(run)
    return list(groups.values())


def averaged(runs: list[dict]) -> dict:
    """The first of runs that differ by their seed alone, with the means of all their errors."""
    tests = {
        label: {key: mean(run["tests"][label][key] for run in runs) for key in row}
        for label, row in runs[0]["tests"].items()
    }
    return runs[0] | {"tests": tests}


def row_of(chosen: Set, errors: dict) -> dict:
    """Errors of one run on one test file; energies in the set's unit."""
    row = {"frames": errors["frames"]}
    for measure in MEASURES:
        row[f"energy_{measure}"] = chosen.energy_factor * errors[f"energy_{measure}"]
        for quantity in DERIVATIVES:
            if f"{quantity}_{measure}" in errors:
                row[f"{quantity}_{measure}"] = errors[f"{quantity}_{measure}"]
    return row


def print_rows(chosen: Set, run: dict) -> None:
    """Print errors of a run; under ours with l_max 2 or more and the full time, published ones."""
    name = named(run)
    for label, row in run["tests"].items():
        print(f"{label} ({row['frames']} frames), {run['training']['minutes']:.2f} minutes")
        for measure in MEASURES:
            derivatives = (
                f"{row[f'{quantity}_{measure}']:9.2f} {unit}"
                for quantity, unit in DERIVATIVES.items()
                if f"{quantity}_{measure}" in row
            )
            print(
                f"  {measure.upper():5}{name:47}{row[f'energy_{measure}']:9.2f} "
                f"{chosen.energy_unit}{''.join(derivatives)}"
            )
        if run["side"] != "hipnn-ts" or run["l_max"] < 2 or run["share"] < 1:
            continue
        for figure in chosen.tests[label].published:
            energy, forces = (
                "-" if value is None else f"{value:g}" for value in (figure.energy, figure.forces)
            )
            print(f"  {figure.measure.upper():5}{figure.model:47}{energy:>9}{'':9}{forces:>9}")


def times_faster(ours: list[dict], theirs: dict) -> float:
    """How many times sooner one of ours had their best validation force error; 0 if none had."""
    curve = theirs["training"]["curve"]
    error = min(value for _, value in curve)
    late, *early = (
        next((minutes for minutes, value in run["training"]["curve"] if value <= error), math.inf)
        for run in (theirs, *ours)
    )
    return late / min(early)


def checks_of(name: str, chosen: Set, runs: list[dict]) -> list[Check]:
    """Compare mean errors over seeds with hippynn's, peers' and published ones of like cost, and
    tensor orders with each other."""
    means = [averaged(group) for group in by_seeds(runs)]
    ours = [run for run in means if run["side"] == "hipnn-ts"]
    alone = [run for run in ours if run["seed"] == 0 and not run.get("distilled")]
    polynomials = [run for run in alone if run["invariants"] == "polynomials"]
    theirs = [run for run in means if run["side"] != "hipnn-ts"]
    sooner = f"{name}: time to hippynn's best error of validation forces, times shorter"
    checks = [
        at_least(sooner, times_faster(alone, run), 10.0)
        for run in theirs
        if run["training"]["curve"]
    ]
    norms = [run for run in ours if run["invariants"] == "norms" and run["share"] == 1]
    by_order = {run["l_max"]: run for run in norms}
    for label, test in chosen.tests.items():
        rows = {l_max: run["tests"][label] for l_max, run in by_order.items()}
        rivals = [run["tests"][label] for run in ours]
        for quantity, unit in (("energy", chosen.energy_unit), ("forces", DERIVATIVES["forces"])):
            key = f"{quantity}_rmse"
            if key not in rivals[0]:
                continue
            what = f"{name}, {label}: {quantity}"
            default = [run["tests"][label][key] for run in polynomials if run["share"] == 1]
            for run in theirs:  # hippynn's network has norms
                own = default if run["l_max"] is None else [rows[2][key]] if 2 in rows else []
                beside = f"{what} RMSE against {run['side']}, {unit}"
                checks += [at_most(beside, error, run["tests"][label][key]) for error in own]
            checks += _against_published(what, unit, quantity, rivals, test)
            if 2 in rows:
                beside = f"{what} RMSE, polynomials against norms, {unit}"
                checks += [at_most(beside, error, rows[2][key]) for error in default]
        what = f"{what} RMSE, l_max"
        checks += [
            at_most(f"{what} {high} against {low}, {unit}", rows[high][key], rows[low][key])
            for high, low in ((2, 1), (1, 0))
            if high in rows and low in rows
        ]
    return checks


def _against_published(
    what: str, unit: str, quantity: str, rows: list[dict], test: Test
) -> list[Check]:
    """Compare the best of our ``rows`` with the best published error."""
    rivals = [f for f in test.published if f.like_cost and getattr(f, quantity) is not None]
    if not rivals:
        return []
    best = min(rivals, key=lambda figure: getattr(figure, quantity))
    name = f"{what} {best.measure.upper()} against the best published of like cost ({best.model})"
    value = min(row[f"{quantity}_{best.measure}"] for row in rows)
    return [at_most(f"{name}, {unit}", value, getattr(best, quantity), test.stand_in)]
