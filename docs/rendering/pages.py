"""Write the files that the docs include: one for each table, and plots."""

from pathlib import Path

from docs.rendering import cost_accuracy, scaling, settings, trainings
from docs.rendering.markup import checks_table, origin
from docs.rendering.plots import PLOTS
from docs.rendering.results import command_of, load, not_measured
from docs.rendering.tables import TABLES


def write_pages(folder: Path, results: dict | None = None) -> None:
    """Write tables as NAME.md and plots as NAME.svg to a folder, for the docs to include."""
    results = load() if results is None else results
    folder.mkdir(parents=True, exist_ok=True)
    pages = {name: _page(name, folder, results) for name in TABLES}
    pages |= {
        "accuracy": trainings.accuracy(results),
        "bars": _bars(results),
        "cost": settings.cost(),
        "cost_accuracy": cost_accuracy.text(results),
        "keys": settings.keys(),
        "lammps_scaling": scaling.text(results),
        "learning_keys": settings.learning_keys(),
    }
    cost_accuracy.draw(results, folder / "cost_accuracy.svg")
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text + "\n")


def _page(name: str, folder: Path, results: dict) -> str:
    """A table below its plot, if it has one, and the origin of its result."""
    table = TABLES[name]
    if table.source not in results:
        return not_measured(table.source)
    result, plot = results[table.source], ""
    if name in PLOTS:
        PLOTS[name](result, folder / f"{name}.svg")
        plot = f"![{name}](generated/{name}.svg)\n\n"
    return f"{plot}{table.text(result)}\n\n{origin(result, command_of(table.source))}"


def _bars(results: dict) -> str:
    """The checks of every benchmark."""
    return "\n\n".join(
        f"### `{command_of(name)}`\n\n{checks_table(result)}\n\n{origin(result)}"
        for name, result in results.items()
    )
