"""The page's tables of what accuracy.py trained."""

from accuracy_table import named
from markup import number, origin, table


def accuracy(results: dict) -> str:
    """Errors of every set that was trained on, beside hippynn's and published ones."""
    parts = []
    for name, result in results.items():
        if not name.startswith("accuracy/"):
            continue
        rows = []
        for test, figures in result["published"].items():
            for run in result["runs"]:
                row = run["tests"][test]
                for measure in ("mae", "rmse"):
                    rows.append(
                        [
                            f"{test}: {_training(run)}, {measure.upper()}",
                            number(row[f"energy_{measure}"], ".2f"),
                            number(row.get(f"forces_{measure}"), ".1f"),
                        ]
                    )
            for figure in figures:
                label = f"{test}: {figure['model']} (published), {figure['measure'].upper()}"
                rows.append([label, number(figure["energy"]), number(figure["forces"])])
        head = ["test, model", f"energy, {result['energy_unit']}", "forces, meV/Å"]
        parts.append(
            f"### {result['set']}\n\nMinutes of training are {result['minutes_are']}."
            f"\n\n{table(head, rows)}\n\n" + origin(result, "make bench-accuracy")
        )
    return "\n\n".join(parts) or "Not measured here: `make bench-accuracy`."


def _training(run: dict) -> str:
    minutes = number(run["training"]["minutes"], ".1f")
    return f"{named(run)}, {minutes} minutes"
