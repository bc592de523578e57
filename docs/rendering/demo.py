"""Draw the demo's training curve, force parity and total energy over time in one picture."""

import csv
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure


def draw(path: Path, metrics: Path, parity: tuple[np.ndarray, np.ndarray], results: list) -> None:
    """Write the picture.

    Parameters
    ----------
    path : file to write
    metrics : the training's CSV log
    parity : reference and predicted force components, eV/Å
    results : runs with times and total energies
    """
    figure = Figure(figsize=(13, 4), layout="constrained")
    curve, scatter, energy = figure.subplots(1, 3)
    with metrics.open() as file:
        rows = list(csv.DictReader(file))
    for part, style in (("training", "C0"), ("validation", "C1")):
        column = f"{part}_loss"
        points = [(int(r["epoch"]), float(r[column])) for r in rows if r.get(column)]
        curve.semilogy(*zip(*points, strict=True), style, label=part)
    curve.set(xlabel="epoch", ylabel="loss", title="Training")
    curve.legend()

    reference, predicted = parity
    bound = np.abs(reference).max()
    scatter.plot([-bound, bound], [-bound, bound], "k", linewidth=0.5)
    scatter.plot(reference.ravel(), predicted.ravel(), ".", markersize=2)
    scatter.set(
        xlabel="GFN2-xTB force, eV/Å",
        ylabel="HIP-NN-TS force, eV/Å",
        title="Every tenth labelled frame",
    )

    for result in results:
        change = 1e6 * (result.total_energies - result.total_energies[0]) / len(result.forces)
        energy.plot(result.times, change, label=result.engine, linewidth=1)
    energy.set(xlabel="time, ps", ylabel="total energy, µeV/atom from start", title="NVE")
    energy.legend(fontsize=8)
    figure.savefig(path, dpi=130)
