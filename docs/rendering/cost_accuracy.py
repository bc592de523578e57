"""Cost against accuracy: time by speed/peers.py, errors of 3BPA as published or trained
by accuracy/accuracy.py.

Networks of the two are alike, not the same: published MACE has 256 channels and L = 2, twice the
channels that are timed; hippynn's time is that of 128 features; ours is of a longer cutoff than was
trained, ACE's of a random basis.
"""

from pathlib import Path

from matplotlib.figure import Figure

from docs.rendering.markup import table
from docs.rendering.plots import OURS, THEIRS, save
from docs.rendering.results import not_measured

TEST = "300 K"
# Name: what is timed, and whose error it is: one of our runs or a published model.
MODELS = {
    "hipnn-ts, polynomials": (
        "hipnn-ts, 64 features, R 6.5, polynomials",
        ("hipnn-ts", "polynomials"),
    ),
    "hipnn-ts, norms": ("hipnn-ts, 64 features, R 6.5, norms", ("hipnn-ts", "norms")),
    "hippynn": ("hippynn, 128 features", ("hippynn", "norms")),
    "ACE": ("ACE, 700 functions", "ACE"),
    "ANI": ("TorchANI, ANI-1x", "ANI"),
    "MACE": ("MACE, 128 channels, L = 1", "MACE"),
    "NequIP": ("NequIP, 64 features", "NequIP"),
}


def points(results: dict) -> dict[str, tuple[float, float]]:
    """µs/atom and RMSE of the forces, meV/Å, of each model for which both are there."""
    if not {"peers", "accuracy/3bpa"} <= set(results):
        return {}
    row = list(results["peers"]["systems"].values())[-1]  # through ASE
    accuracy = results["accuracy/3bpa"]
    errors = {
        (run["side"], run["invariants"]): run["tests"][TEST]["forces_rmse"]
        for run in accuracy["runs"]
        if run["share"] == 1
    } | {figure["model"]: figure["forces"] for figure in accuracy["published"][TEST]}
    return {
        name: (1e6 * row["seconds"][timed]["median"] / row["n_atoms"], errors[judged])
        for name, (timed, judged) in MODELS.items()
        if timed in row["seconds"] and judged in errors
    }


def text(results: dict) -> str:
    """Both figures of each model."""
    found = points(results)
    if not found:
        return not_measured("peers", "accuracy")
    minutes = results["accuracy/3bpa"]["minutes"]
    rows = [
        [
            name,
            MODELS[name][0],
            f"{cost:,.0f}",
            f"{error:.1f}",
            "published" if isinstance(MODELS[name][1], str) else f"{minutes:g} minutes of training",
        ]
        for name, (cost, error) in found.items()
    ]
    head = ["model", "timed", "µs/atom", "forces, RMSE, meV/Å", "error"]
    return "![cost against accuracy](generated/cost_accuracy.svg)\n\n" + table(head, rows)


def draw(results: dict, path: Path) -> None:
    """The same as a picture."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, (cost, error) in points(results).items():
        axes.loglog(cost, error, "o", color=OURS if name.startswith("hipnn-ts") else THEIRS)
        axes.annotate(name, (cost, error), xytext=(6, 4), textcoords="offset points")
    axes.set(xlabel="µs/atom, energy and forces", ylabel="3BPA, 300 K: forces, RMSE, meV/Å")
    save(figure, path)
