"""Cost against accuracy: time by peers.py, errors of 3BPA as published or trained by accuracy.py.

Networks of the two are alike, not the same: published MACE has 256 channels and L = 2, twice the
channels that are timed; hippynn's time is that of 128 features.
"""

from pathlib import Path

from markup import table
from matplotlib.figure import Figure
from plots import OURS, THEIRS, save

TEST, SIZE = "300 K", "648"
# Name: what is timed, and whose error it is: a run (side, share of the time) or a published model.
MODELS = {
    "hipnn-ts": ("hipnn-ts, 64 features", ("hipnn-ts", 1)),
    "hipnn-ts, longer": ("hipnn-ts, 64 features", ("hipnn-ts", 4)),
    "hippynn": ("hippynn, 128 features", ("hippynn", 1)),
    "ANI": ("TorchANI, ANI-1x", "ANI"),
    "MACE": ("MACE, 128 channels, L = 1", "MACE"),
    "NequIP": ("NequIP, 64 features", "NequIP"),
}


def points(results: dict) -> dict[str, tuple[float, float, str]]:
    """µs/atom, RMSE of the forces in meV/Å, and what that is of; of each model that has both."""
    if not {"peers", "accuracy/3bpa"} <= set(results):
        return {}
    row = results["peers"]["systems"][SIZE]
    accuracy = results["accuracy/3bpa"]
    errors = {
        (run["side"], run["share"]): (
            run["tests"][TEST]["forces_rmse"],
            f"{run['share'] * accuracy['minutes']:g} minutes of training",
        )
        for run in accuracy["runs"]
        if run["l_max"] == 2
    } | {figure["model"]: (figure["forces"], "published") for figure in accuracy["published"][TEST]}
    return {
        name: (1e6 * row["seconds"][timed]["median"] / row["n_atoms"], *errors[judged])
        for name, (timed, judged) in MODELS.items()
        if timed in row["seconds"] and judged in errors
    }


def text(results: dict) -> str:
    """Both figures of each model."""
    found = points(results)
    if not found:
        return "Not measured here: `make bench-peers`, `make bench-accuracy`."
    rows = [
        [name, MODELS[name][0], f"{cost:,.0f}", f"{error:.1f}", origin]
        for name, (cost, error, origin) in found.items()
    ]
    head = ["model", "timed", "µs/atom", "forces, RMSE, meV/Å", "error"]
    return "![cost against accuracy](generated/cost_accuracy.svg)\n\n" + table(head, rows)


def draw(results: dict, path: Path) -> None:
    """The same as a picture."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, (cost, error, _) in points(results).items():
        axes.loglog(cost, error, "o", color=OURS if name.startswith("hipnn-ts") else THEIRS)
        axes.annotate(name, (cost, error), xytext=(6, 4), textcoords="offset points")
    axes.set(xlabel="µs/atom, energy and forces", ylabel="3BPA, 300 K: forces, RMSE, meV/Å")
    save(figure, path)
