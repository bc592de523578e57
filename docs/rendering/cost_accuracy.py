"""Cost against accuracy on four sets.

Times are those of speed/peers.py on water, errors those published or found by accuracy/accuracy.py.
The timed network is the trained one, with exceptions: for published ACE and ANI one of like size
with random weights is timed, for published MACE one with half of its channels, and for hippynn one
with 128 features. A committee of three costs three times its member.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

from benchmarks.accuracy.table import averaged, by_seeds
from docs.rendering.markup import number, table
from docs.rendering.plots import OURS, THEIRS, save
from docs.rendering.results import not_measured

# For each results file: its test, and the title of its panel.
PANELS = {
    "accuracy/3bpa": ("300 K", "3BPA, 300 K"),
    "accuracy/ethanol_rmd17": ("test_MD", "ethanol"),
    "accuracy/water_pbe0ts": ("valid", "liquid water"),
    "accuracy/mlearn_Mo": ("test", "molybdenum"),
}
MINE = "hipnn-ts, {width} features, R {cutoff:g}, {invariants}"
# The timed model for each model that was trained here, and for each that was published.
TRAINED = {
    "hippynn": "hippynn, 128 features",
    "NEP (TorchNEP)": "NEP4, 5 + 4 Å, nep-adapters, native",
    "MACE": "MACE, 96 channels, L = 0",
}
PUBLISHED = {
    "ACE": "ACE, 700 functions",
    "ANI": "TorchANI, ANI-1x",
    "MACE": "MACE, 128 channels, L = 1",
    "NequIP": "NequIP, 64 features",
}


class Point(NamedTuple):
    """A model whose cost and error are both known."""

    label: str  # in the picture
    timed: str
    cost: float  # µs/atom, energy and forces
    error: float  # of the forces, meV/Å
    source: str  # of the error

    @property
    def name(self) -> str:
        return f"{self.label}, {self.source}"


def points(results: dict) -> dict[str, list[Point]]:
    """Every model whose cost and error are both known, by results file."""
    if "peers" not in results:
        return {}
    row = results["peers"]["systems"]["ASE"]
    cost = {name: 1e6 * s["median"] / row["n_atoms"] for name, s in row["seconds"].items()}
    panels = {
        name: [
            Point(label, timed, n * cost[timed], *more)
            for label, timed, n, *more in _of_set(results[name])
            if timed in cost
        ]
        for name in PANELS
        if name in results
    }
    return {name: panel for name, panel in panels.items() if any(map(is_ours, panel))}


def is_ours(point: Point) -> bool:
    return point.label.startswith("hipnn-ts")


def measure_of(result: dict, test: str) -> str:
    """The measure, mae or rmse, of a test's published errors; rmse if there are none."""
    return next((figure["measure"] for figure in result["published"][test]), "rmse")


def _of_set(result: dict) -> Iterator[tuple[str, str, int, float, str]]:
    """Label, timed model, number of members, error (meV/Å) and its source, for each model."""
    test = PANELS[f"accuracy/{result['set']}"][0]
    measure = measure_of(result, test)
    network = result["network"]
    for runs in by_seeds(result["runs"]):
        run = averaged(runs)
        source = f"{run['training']['minutes']:.0f} minutes of training"
        if len(runs) > 1:
            source += f", {len(runs)} seeds"
        error = run["tests"][test][f"forces_{measure}"]
        if run["side"] in TRAINED:
            yield run["side"], TRAINED[run["side"]], 1, error, source
        elif run["side"] == "hipnn-ts" and run["l_max"] >= 2 and run["share"] == 1:
            timed = MINE.format(
                width=network["n_features"][0],
                cutoff=network["cutoff"],
                invariants=run["invariants"],
            )
            members = 3 if run.get("seed", 0) is None else 1
            kind = ", norms" if run["invariants"] == "norms" else ""
            kind += f", {members} members" if members > 1 else ""
            kind += ", distilled" if run.get("distilled") else ""
            yield f"hipnn-ts{kind}", timed, members, error, source
    for figure in result["published"][test]:
        if figure["model"] in PUBLISHED:
            model = figure["model"]
            yield model, PUBLISHED[model], 1, figure["forces"], "published"


def text(results: dict) -> str:
    """Markdown with a table of costs and errors, and the models that are ahead of ours."""
    found = points(results)
    if not found:
        return not_measured("peers", "accuracy")
    rows = [
        [
            f"{PANELS[name][1]}: {point.label}",
            point.timed,
            f"{point.cost:,.0f}",
            number(point.error, ".1f"),
            point.source,
        ]
        for name, panel in found.items()
        for point in panel
    ]
    head = ["model", "timed", "µs/atom", "forces, meV/Å", "error"]
    ahead = [
        f"- {PANELS[name][1]}: {', '.join(better(panel)) or 'none'}"
        for name, panel in found.items()
    ]
    parts = [
        "![cost against accuracy](generated/cost_accuracy.svg)",
        table(head, rows),
        "Models that are both faster and more accurate than our most accurate one:",
        "\n".join(ahead),
    ]
    return "\n\n".join(parts)


def better(panel: list[Point]) -> list[str]:
    """Names of others that are both faster and more accurate than our most accurate one."""
    best = min(filter(is_ours, panel), key=lambda point: point.error)
    return [point.name for point in panel if point.cost < best.cost and point.error < best.error]


def fingerprint(results: dict) -> str:
    """A hash of the plotted points, which the picture carries to show from what it was drawn."""
    return hashlib.sha256(json.dumps(points(results)).encode()).hexdigest()


def draw(results: dict, path: Path) -> None:
    """Draw all points, if there are any."""
    found = points(results)
    if not found:
        return
    figure = Figure(figsize=(9, 7), layout="constrained")
    for axes, (name, panel) in zip(figure.subplots(2, 2).flat, found.items(), strict=False):
        test, title = PANELS[name]
        measure = measure_of(results[name], test).upper()
        _panel(axes, panel)
        axes.set(title=title, xlabel="µs/atom, energy and forces")
        axes.set_ylabel(f"forces, {measure}, meV/Å")
    save(figure, path, note=fingerprint(results))


def _panel(axes: Axes, panel: list[Point]) -> None:
    """Plot one set: labels of ours, the fastest, are on the left, except committees'; published
    errors have hollow marks."""
    for point in panel:
        colour = OURS if is_ours(point) else THEIRS
        filling = "none" if point.source == "published" else colour
        side = -1 if is_ours(point) and "members" not in point.label else 1
        axes.loglog(point.cost, point.error, "o", color=colour, markerfacecolor=filling)
        axes.annotate(
            point.label,
            (point.cost, point.error),
            xytext=(7 * side, 0),
            textcoords="offset points",
            ha="right" if side < 0 else "left",
            va="center",
            fontsize=8,
        )
    axes.margins(y=0.12)
    # Room for the labels.
    axes.set_xlim(min(p.cost for p in panel) / 30, 20 * max(p.cost for p in panel))
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.5)))
    axes.spines[["top", "right"]].set_visible(False)
