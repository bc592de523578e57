"""Rows and checks of accuracy.py."""

import math

from benchmarks.accuracy.sets import Set, Test
from benchmarks.report import Check, at_least, at_most

MEASURES = ("mae", "rmse")
DERIVATIVES = {"forces": "meV/Å", "stress": "meV/Å^3"}


def named(run: dict) -> str:
    """Whose run, and of which network; earlier reports do not name the invariants."""
    hop = ", polynomials" if run.get("invariants") == "polynomials" else ""
    earlier = f" (of {run['commit']})" if "commit" in run else ""
    return f"{run['side']}, l_max {run['l_max']}{hop}{earlier}"


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
    """Errors of a run; published figures under those of our best one."""
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
        if run["side"] == "hippynn" or run["l_max"] < 2 or run["share"] < 1:
            continue
        for figure in chosen.tests[label].published:
            energy, forces = (
                "-" if value is None else f"{value:g}" for value in (figure.energy, figure.forces)
            )
            print(f"  {figure.measure.upper():5}{figure.model:47}{energy:>9}{'':9}{forces:>9}")


def times_faster(ours: list[dict], theirs: dict) -> float:
    """How much earlier one of our runs had their best error of validation forces; 0 if none had."""
    curve = theirs["training"]["curve"]
    error = min(value for _, value in curve)
    late, *early = (
        next((minutes for minutes, value in run["training"]["curve"] if value <= error), math.inf)
        for run in (theirs, *ours)
    )
    return late / min(early)


def checks_of(name: str, chosen: Set, runs: list[dict]) -> list[Check]:
    """Against hippynn, published models of like cost, and the orders among each other."""
    polynomials = [run for run in runs if run.get("invariants") == "polynomials"]
    ours = [run for run in runs if run["side"] != "hippynn" and run not in polynomials]
    theirs = [run for run in runs if run["side"] == "hippynn"]
    largest = [run for run in ours if run["l_max"] == 2]
    if not largest:  # the default alone so far
        return []
    best = [*largest, *polynomials]
    sooner = f"{name}: time to hippynn's best error of validation forces, times shorter"
    checks = [
        at_least(sooner, times_faster(best, run), 10.0)
        for run in theirs
        if run["training"]["curve"]
    ]
    units = {"energy": chosen.energy_unit, "forces": DERIVATIVES["forces"]}
    by_order = {run["l_max"]: run for run in ours if run["share"] == 1}
    for label, test in chosen.tests.items():
        rows = {l_max: run["tests"][label] for l_max, run in by_order.items()}
        known = [quantity for quantity in units if f"{quantity}_rmse" in rows[2]]
        for quantity in known:
            what, unit = f"{name}, {label}: {quantity}", units[quantity]
            key = f"{quantity}_rmse"
            beside = f"{what} RMSE against hippynn's, {unit}"
            checks += [at_most(beside, rows[2][key], run["tests"][label][key]) for run in theirs]
            rivals = [run["tests"][label] for run in best]
            checks += _against_published(what, unit, quantity, rivals, test)
            beside = f"{what} RMSE, polynomials against norms, {unit}"
            checks += [
                at_most(beside, run["tests"][label][key], rows[2][key])
                for run in polynomials
                if run["share"] == 1
            ]
        quantity, unit = known[-1], units[known[-1]]
        what, key = f"{name}, {label}: {quantity} RMSE, l_max", f"{quantity}_rmse"
        checks += [
            at_most(f"{what} {high} against {low}, {unit}", rows[high][key], rows[low][key])
            for high, low in ((2, 1), (1, 0))
            if high in rows and low in rows
        ]
    return checks


def _against_published(
    what: str, unit: str, quantity: str, rows: list[dict], test: Test
) -> list[Check]:
    """The best of our ``rows`` beside the best published figure."""
    rivals = [f for f in test.published if f.like_cost and getattr(f, quantity) is not None]
    if not rivals:
        return []
    best = min(rivals, key=lambda figure: getattr(figure, quantity))
    name = f"{what} {best.measure.upper()} against the best published of like cost ({best.model})"
    value = min(row[f"{quantity}_{best.measure}"] for row in rows)
    return [at_most(f"{name}, {unit}", value, getattr(best, quantity), test.stand_in)]
