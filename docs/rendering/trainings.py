"""Rows of the tables on training: errors by set, candidate or regularisation."""

from collections.abc import Iterable, Iterator

from benchmarks.accuracy.table import by_seeds, named
from docs.rendering.markup import number, origin, table
from docs.rendering.results import command_of, not_measured

MEASURE_NAMES = {"mae": "mean absolute errors", "rmse": "root mean squares"}
MEASURES = ("rank correlation", "worst found", "error ÷ uncertainty")
Rows = Iterator[tuple[str, dict]]


def accuracy(results: dict) -> str:
    """Tables of our errors on every set beside hippynn's, peers' and published ones."""
    parts = []
    for name, result in results.items():
        if name.startswith("accuracy/"):
            parts += [
                f"### {result['set']}",
                _errors(result),
                origin(result, command_of("accuracy")),
            ]
    return "\n\n".join(parts) or not_measured("accuracy")


def _errors(result: dict) -> str:
    """A table with a row for each model, and errors in the measure of published ones."""
    published = {
        test: {figure["model"]: figure for figure in figures}
        for test, figures in result["published"].items()
    }
    measure = next((f["measure"] for models in published.values() for f in models.values()), "rmse")
    quantities = {"energy": (result["energy_unit"], 2), "forces": ("meV/Å", 1)}
    columns = [
        (test, quantity)
        for quantity in quantities
        for test in published
        if f"{quantity}_{measure}" in result["runs"][0]["tests"][test]
    ]
    head = [f"{test}: {quantity}, {quantities[quantity][0]}" for test, quantity in columns]
    rows = []
    groups = by_seeds(result["runs"])
    for runs in groups:
        errors = [
            _mean_and_spread(
                [run["tests"][test][f"{quantity}_{measure}"] for run in runs],
                quantities[quantity][1],
            )
            for test, quantity in columns
        ]
        rows.append([named(runs[0]), number(runs[0]["training"]["minutes"], ".1f"), *errors])
    for model in next(iter(published.values())):
        errors = [number(published[test][model][quantity]) for test, quantity in columns]
        rows.append([f"{model} (published)", "", *errors])
    how = f"Errors are {MEASURE_NAMES[measure]}; minutes are {result['minutes_are']}."
    if max(map(len, groups)) > 1:
        how += (
            " A row with ± is the mean of three seeds, and half of what lies between the largest "
            "and the smallest."
        )
    return f"{how}\n\n{table(['model', 'minutes', *head], rows)}"


def derived_rows(result: dict) -> Rows:
    """Figures of silicon and of molecules, with a column for each case."""
    cases = {case: result[case] for case in ("before", "default") if case in result}
    default = result["default"]
    if default["silicon"]:
        for what, key in (
            ("force constant, eV/Å², at 0.05 / 0.01 / 0.003 / 0.001 Å", "onsite_constant"),
            ("optical mode at Γ, THz, at the same", "optical_mode_THz"),
            ("C44, GPa, at strains of 2 / 0.2 %", "c44_GPa"),
        ):
            yield f"Si, {what}", {c: _listed(f["silicon"][key]) for c, f in cases.items()}
        steps = {case: _steps(figures["silicon"]["steps_LBFGS"]) for case, figures in cases.items()}
        yield "Si, LBFGS steps, 64 rattled atoms", steps
    for name in default["molecules"]:
        models = {case: figures["molecules"][name]["model"] for case, figures in cases.items()}
        yield (
            f"{name}, BFGS steps from a rattled start",
            {case: _steps(model["steps_BFGS"]) for case, model in models.items()},
        )
        yield (
            f"{name}, frequencies at 0.02 beside 0.003 Å, cm⁻¹, largest difference",
            {case: number(model["largest_difference"], ".2g") for case, model in models.items()},
        )


def _listed(values: dict[str, float]) -> str:
    return " / ".join(f"{value:.4g}" for value in values.values())


def _steps(value: int | None) -> str:
    return "not converged" if value is None else str(value)


def uncertainty_rows(result: dict) -> Rows:
    """Measures of a committee and of one model on every test."""
    for name, tests in result["sets"].items():
        for label, sides in tests.items():
            row = {"frames": sides["committee"]["frames"]}
            for side, figures in zip(("committee", "one"), sides.values(), strict=True):
                found = figures.get("largest") or figures["energies"]
                values = found["rank_correlation"], found["worst_found"]
                values += (figures.get("error_over_uncertainty"),)
                row |= {f"{side}: {m}": value for m, value in zip(MEASURES, values, strict=True)}
            yield f"{name}, {label}", row


def _averaged(runs: Iterable[tuple[str, str, float]], digits: int) -> Rows:
    """Rows from (row, column, value) triples: means over seeds ± half of their range."""
    found: dict[str, dict[str, list[float]]] = {}
    for row, column, value in runs:
        found.setdefault(row, {}).setdefault(column, []).append(value)
    for name, row in found.items():
        yield name, {column: _mean_and_spread(v, digits) for column, v in row.items()}


def _mean_and_spread(values: list[float], digits: int) -> str:
    spread = f" ± {(max(values) - min(values)) / 2:.{digits}f}" if len(values) > 1 else ""
    return f"{sum(values) / len(values):.{digits}f}{spread}"


def recipe_rows(result: dict) -> Rows:
    """Forces RMSE of each candidate on each test, meV/Å."""
    return _averaged(
        (
            (run["candidate"], f"{run['set']}, {label}", errors["forces_rmse"])
            for run in result["runs"]
            for label, errors in run["tests"].items()
        ),
        0,
    )


def recipe_columns(result: dict) -> list[tuple[str, str, str]]:
    """A column for each test, by set, with the training frames last."""
    found = dict.fromkeys(column for _, row in recipe_rows(result) for column in row)
    ordered = sorted(found, key=lambda column: (column.split(", ")[0], column.endswith("seen")))
    return [(column, column, "") for column in ordered]


def learning_rows(result: dict) -> Rows:
    """Forces RMSE of each way to choose labels, meV/Å, by test and number of labels."""
    by_test = sorted(learning_errors(result), key=lambda found: found[0])
    return _averaged(
        ((f"{test}, {labels} labels", side, error) for test, side, labels, error in by_test), 0
    )


def learning_errors(result: dict) -> Iterator[tuple[str, str, int, float]]:
    """Test, way to choose labels, number of labels and error (meV/Å), for every seed."""
    for side, seeds in result["forces_rmse_by_labels"].items():
        for curve in seeds.values():
            for row in curve:
                for test in row:
                    if test != "labels":
                        yield test, side, row["labels"], row[test]


def minutes_of(result: dict) -> str:
    """The different minutes of all trainings, as text."""
    return ", ".join(f"{m:g}" for m in sorted({run["minutes"] for run in result["runs"]}))
