"""Cost against accuracy: time by speed/peers.py, errors of 3BPA as published or trained
by accuracy/accuracy.py.

Networks of the two are alike, not the same: published MACE has 256 channels and L = 2, twice the
channels that are timed; hippynn's time is that of 128 features; ours is of a longer cutoff than was
trained, ACE's of a random basis.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from docs.rendering.markup import table
from docs.rendering.plots import OURS, THEIRS, save
from docs.rendering.results import not_measured

TEST = "300 K"
# Name: what is timed, and whose error it is: runs that were trained here, or a published model.
MODELS = {
    "hipnn-ts": ("hipnn-ts, 64 features, R 6.5, polynomials", ("hipnn-ts", "polynomials")),
    "hipnn-ts, norms": ("hipnn-ts, 64 features, R 6.5, norms", ("hipnn-ts", "norms")),
    "hippynn": ("hippynn, 128 features", ("hippynn", "norms")),
    "ACE": ("ACE, 700 functions", "ACE"),
    "ANI": ("TorchANI, ANI-1x", "ANI"),
    "MACE": ("MACE, 128 channels, L = 1", "MACE"),
    "NequIP": ("NequIP, 64 features", "NequIP"),
}


class Point(NamedTuple):
    """A model whose cost and error are both known."""

    name: str
    timed: str
    cost: float  # µs/atom, energy and forces
    error: float  # RMSE of the forces, meV/Å
    source: str  # of the error


def points(results: dict) -> list[Point]:
    """Every model for which both are there; ours once for each length of training."""
    if not {"peers", "accuracy/3bpa"} <= set(results):
        return []
    row = list(results["peers"]["systems"].values())[-1]  # through ASE
    accuracy = results["accuracy/3bpa"]
    errors = {figure["model"]: figure["forces"] for figure in accuracy["published"][TEST]}
    found = []
    for name, (timed, judged) in MODELS.items():
        if timed not in row["seconds"]:
            continue
        cost = 1e6 * row["seconds"][timed]["median"] / row["n_atoms"]
        if judged in errors:
            found.append(Point(name, timed, cost, errors[judged], "published"))
        for run in accuracy["runs"]:
            if (run["side"], run["invariants"]) == judged and run["share"] >= 1:
                minutes = f"{run['share'] * accuracy['minutes']:g} minutes"
                error, label = run["tests"][TEST]["forces_rmse"], f"{name}, {minutes}"
                found.append(Point(label, timed, cost, error, f"{minutes} of training"))
    return found


def text(results: dict) -> str:
    """Both figures of each model."""
    found = points(results)
    if not found:
        return not_measured("peers", "accuracy")
    rows = [
        [point.name, point.timed, f"{point.cost:,.0f}", f"{point.error:.1f}", point.source]
        for point in found
    ]
    head = ["model", "timed", "µs/atom", "forces, RMSE, meV/Å", "error"]
    return "![cost against accuracy](generated/cost_accuracy.svg)\n\n" + table(head, rows)


def fingerprint(results: dict) -> str:
    """What the picture carries to tell the figures from which it was drawn."""
    return hashlib.sha256(json.dumps(points(results)).encode()).hexdigest()


def draw(results: dict, path: Path) -> None:
    """The same as a picture, if there is anything to show; labels of ours, which are the fastest,
    are on the left."""
    found = points(results)
    if not found:
        return
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    for point in found:
        ours = point.name.startswith("hipnn-ts")
        colour, side = (OURS, -1) if ours else (THEIRS, 1)
        axes.loglog(point.cost, point.error, "o", color=colour)
        axes.annotate(
            point.name,
            (point.cost, point.error),
            xytext=(7 * side, 0),
            textcoords="offset points",
            ha="right" if ours else "left",
            va="center",
        )
    axes.set(xlabel="µs/atom, energy and forces", ylabel="3BPA, 300 K: forces, RMSE, meV/Å")
    axes.margins(x=0.25, y=0.1)
    axes.set_xlim(left=min(point.cost for point in found) / 30)  # room for our labels
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path, note=fingerprint(results))
