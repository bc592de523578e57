"""Rows and checks of accuracy.py."""

from accuracy_sets import Set

from hipnn_ts.benchmark import Check

MEASURES = ("mae", "rmse")


def row_of(chosen: Set, errors: dict) -> dict:
    """Errors of one run on one test file; energies in the set's unit."""
    row = {"frames": errors["frames"]}
    for measure in MEASURES:
        row[f"energy_{measure}"] = chosen.energy_factor * errors[f"energy_{measure}"]
        for quantity in ("forces", "stress"):
            if f"{quantity}_{measure}" in errors:
                row[f"{quantity}_{measure}"] = errors[f"{quantity}_{measure}"]
    return row


def print_rows(chosen: Set, run: dict) -> None:
    """Errors of a run; published figures under those of our largest network."""
    name = f"{run['side']}, l_max {run['l_max']}"
    for label, row in run["tests"].items():
        print(f"{label} ({row['frames']} frames), {run['training']['minutes']:.2f} minutes")
        for measure in MEASURES:
            stress = f"stress_{measure}"
            print(
                f"  {measure.upper():5}{name:47}{row[f'energy_{measure}']:9.2f} "
                f"{chosen.energy_unit}{row[f'forces_{measure}']:9.1f} meV/Å"
                + (f"{row[stress]:9.2f} meV/Å^3" if stress in row else "")
            )
        if name != "hipnn-ts, l_max 2":
            continue
        for figure in chosen.tests[label].published:
            energy, forces = (
                "-" if value is None else f"{value:g}" for value in (figure.energy, figure.forces)
            )
            print(f"  {figure.measure.upper():5}{figure.model:47}{energy:>9}{'':9}{forces:>9}")


def times_faster(ours: dict, theirs: dict) -> float:
    """How much earlier our validation forces had the best error that both sides reached."""
    curves = [run["training"]["curve"] for run in (theirs, ours)]
    error = max(min(value for _, value in curve) for curve in curves)
    late, early = (next(minutes for minutes, value in curve if value <= error) for curve in curves)
    return late / early


def checks_of(name: str, chosen: Set, runs: list[dict]) -> list[Check]:
    """Against hippynn, published models of like cost, and the orders among each other."""
    ours = {run["l_max"]: run for run in runs if run["side"] != "hippynn"}
    theirs = [run for run in runs if run["side"] == "hippynn"]
    checks = [
        Check(
            name=f"{name}: time to the best error of validation forces that both sides reached, "
            "times hippynn",
            value=times_faster(ours[2], run),
            limit=10.0,
            better="higher",
        )
        for run in theirs
    ]
    for label, test in chosen.tests.items():
        row = ours[2]["tests"][label]
        for quantity in ("energy", "forces"):
            unit = chosen.energy_unit if quantity == "energy" else "meV/Å"
            key = f"{quantity}_rmse"
            for run in theirs:
                checks.append(
                    _lower(
                        f"{name}, {label}: {quantity} RMSE against hippynn's, {unit}",
                        row[key],
                        run["tests"][label][key],
                    )
                )
            rivals = [f for f in test.published if f.like_cost and getattr(f, quantity) is not None]
            if rivals:
                best = min(rivals, key=lambda figure: getattr(figure, quantity))
                checks.append(
                    _lower(
                        f"{name}, {label}: {quantity} {best.measure.upper()} against the best "
                        f"published of like cost ({best.model}), {unit}",
                        row[f"{quantity}_{best.measure}"],
                        getattr(best, quantity),
                        test.stand_in,
                    )
                )
        for higher, lower in ((2, 1), (1, 0)):
            if higher in ours and lower in ours:
                checks.append(
                    _lower(
                        f"{name}, {label}: forces RMSE, l_max {higher} against {lower}, meV/Å",
                        ours[higher]["tests"][label]["forces_rmse"],
                        ours[lower]["tests"][label]["forces_rmse"],
                    )
                )
    return checks


def _lower(name: str, value: float, limit: float, reason: str | None = None) -> Check:
    return Check(name=name, value=value, limit=limit, better="lower", reason=reason)
