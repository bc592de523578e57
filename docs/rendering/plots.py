"""Plots of the docs, each from one results file."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from docs.rendering.trainings import learning_errors

matplotlib.rcParams["svg.hashsalt"] = "hipnn-ts"  # the same results give the same file
matplotlib.rcParams["svg.fonttype"] = "none"
OURS, THEIRS = "C0", "0.6"


def save(figure: Figure, path: Path, note: str = "") -> None:
    """Save a plot without its date, so that the same results give the same file."""
    figure.savefig(path, metadata={"Date": None, "Description": note or None})


def bars(path: Path, values: dict[str, float], label: str, note: str = "", log=True) -> None:
    """Horizontal bars, longest first; those of hipnn-ts in colour."""
    ordered = dict(sorted(values.items(), key=lambda item: item[1]))
    figure = Figure(figsize=(7, 0.6 + 0.36 * len(ordered)), layout="constrained")
    axes = figure.subplots()
    colours = [OURS if name.startswith("hipnn-ts") else THEIRS for name in ordered]
    shown = axes.barh(list(ordered), list(ordered.values()), color=colours)
    figures = [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in ordered.values()]
    axes.bar_label(shown, figures, padding=3)
    axes.set_xlabel(label)
    if log:
        axes.set_xscale("log")
        axes.set_xlim(right=3 * max(ordered.values()))
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path, note)


def peers(result: dict, path: Path) -> None:
    """Atom-steps per second of each model in each engine."""
    rates = {
        f"{name}, {system}": row["n_atoms"] / times["median"]
        for system, row in result["systems"].items()
        for name, times in row["seconds"].items()
    }
    bars(path, rates, "atom-steps/s")


def cpu(result: dict, path: Path) -> None:
    """Atom-steps per second of our kernels and hippynn's, for the first network."""
    name, row = next(iter(result["networks"].items()))
    rates = {side: row["n_atoms"] / times["median"] for side, times in row["seconds"].items()}
    bars(path, rates, f"atom-steps/s, {name}")


def stages(result: dict, path: Path) -> None:
    row = next(iter(result["networks"].values()))
    bars(path, row["stages_us_per_atom"], "µs/atom of one thread", log=False)


def openmm(result: dict, path: Path) -> None:
    """Milliseconds per step against the number of atoms."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    rows = list(result["systems"].values())
    for side in dict.fromkeys(side for row in rows for side in row["seconds"]):
        points = [
            (row["n_atoms"], 1e3 * row["seconds"][side]["median"])
            for row in rows
            if side in row["seconds"]
        ]
        axes.loglog(*zip(*points, strict=True), "o-", label=side)
    axes.set(xlabel="atoms", ylabel="ms")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    save(figure, path)


def lammps(result: dict, path: Path) -> None:
    rows = result["sections"].get("peers", {}).get("rows", {})
    rates = {
        f"hipnn-ts {name}" if row["stages"] else name: row["atom_steps_per_second"]
        for name, row in rows.items()
    }
    bars(path, rates, "atom-steps/s in LAMMPS, 3,000 atoms, 2 ranks")


def water_structure(result: dict, path: Path) -> None:
    """g(r) of each pair of elements."""
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    names = list(next(iter(result["g"].values())))
    for axes, pair in zip(figure.subplots(1, len(names)), names, strict=True):
        for (side, g), colour in zip(result["g"].items(), (OURS, THEIRS), strict=True):
            axes.plot(result["distances_A"], g[pair], color=colour, label=side)
        axes.set(title=pair, xlabel="distance, Å", ylim=(0, 3.5))
    axes.legend(fontsize=8)
    save(figure, path)


def path_integral_water(result: dict, path: Path) -> None:
    """g(r) of O-O, and of O-H between and within molecules."""
    figure = Figure(figsize=(10, 3.2), layout="constrained")
    panels = [("O-O", (2, 6), (0, 3.5)), ("O-H", (1.3, 6), (0, 2)), ("O-H", (0.7, 1.3), None)]
    for axes, (pair, within, heights) in zip(figure.subplots(1, 3), panels, strict=True):
        for (side, g), colour in zip(result["g"].items(), (OURS, "C1", THEIRS), strict=True):
            axes.plot(result["distances_A"], g[pair], color=colour, label=side)
        axes.set(title=pair, xlabel="distance, Å", xlim=within, ylim=heights)
    axes.legend(fontsize=7)
    save(figure, path)


def uncertainty(result: dict, path: Path) -> None:
    """Root mean squares of force error and uncertainty of atoms, in bins by uncertainty."""
    sets = result["sets"]
    figure = Figure(figsize=(3.4 * len(sets), 3.4), layout="constrained")
    for axes, (name, tests) in zip(
        figure.subplots(1, len(sets), squeeze=False)[0], sets.items(), strict=True
    ):
        bins = {side: np.array(row["bins"]) for side, row in tests["all with forces"].items()}
        for (side, values), colour in zip(bins.items(), (THEIRS, OURS), strict=True):
            axes.loglog(*values.T, "o-", color=colour, label=side)
        ends = (
            [values.min() for values in bins.values()],
            [values.max() for values in bins.values()],
        )
        line = [min(ends[0]), max(ends[1])]
        axes.plot(line, line, "k:", linewidth=1)
        axes.set(title=name, xlabel="uncertainty, eV/Å", ylabel="error of the force, eV/Å")
    axes.legend(fontsize=8)
    save(figure, path)


def learning(result: dict, path: Path) -> None:
    """Force error against number of labels for each way to choose them: seeds and their mean."""
    tests = sorted({test for test, *_ in learning_errors(result)})
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, test in zip(figure.subplots(1, len(tests), squeeze=False)[0], tests, strict=True):
        sides = result["forces_rmse_by_labels"].items()
        for (side, seeds), colour in zip(sides, (OURS, "C2", "C1", THEIRS), strict=True):
            curves = [[(row["labels"], row[test]) for row in curve] for curve in seeds.values()]
            for curve in curves:
                axes.loglog(*zip(*curve, strict=True), color=colour, linewidth=0.6)
            axes.loglog(*np.mean(curves, axis=0).T, "o-", color=colour, label=side)
        axes.set(title=test, xlabel="labels", ylabel="forces RMSE, meV/Å")
    axes.legend(fontsize=8)
    save(figure, path)


PLOTS = {
    "cpu": cpu,
    "learning": learning,
    "stages": stages,
    "openmm": openmm,
    "lammps": lammps,
    "path_integral_water": path_integral_water,
    "peers": peers,
    "uncertainty": uncertainty,
    "water_structure": water_structure,
}
