"""Radial distribution functions of liquid water, beside those of the reference data."""

import click
import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from benchmarks.models import data_folder
from hipnn_ts.data.read import read_frames

FILES = ("train.extxyz.xz", "valid.extxyz.xz")
PAIRS = {"O-O": (8, 8), "O-H": (8, 1), "H-H": (1, 1)}
FARTHEST, BINS = 6.0, 120  # Å; half of the cell is 6.2
DISTANCES = (np.arange(BINS) + 0.5) * FARTHEST / BINS
TEMPERATURE = 300  # K
TIMESTEP = 0.5  # fs
EVERY = 40  # steps between records
SHIFT = 0.05  # Å, of the first peak of O-O


def reference_frames() -> list[Atoms]:
    """Of the published water with PBE0+TS, labelled."""
    folder = data_folder() / "water_pbe0ts"
    return [frame for file in FILES for frame in read_frames(folder / file)]


def functions(frames: list[Atoms]) -> dict[str, list[float]]:
    """g(r) of each pair of elements, averaged over frames."""
    edges = np.linspace(0.0, FARTHEST, BINS + 1)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    sums = {name: np.zeros(BINS) for name in PAIRS}
    for frame in frames:
        i, j, distances = neighbor_list("ijd", frame, FARTHEST)
        for name, (first, second) in PAIRS.items():
            chosen = (frame.numbers[i] == first) & (frame.numbers[j] == second)
            counts = np.histogram(distances[chosen], edges)[0]
            n_first, n_second = ((frame.numbers == number).sum() for number in (first, second))
            sums[name] += counts * frame.get_volume() / (n_first * n_second * shells)
    return {name: (total / len(frames)).tolist() for name, total in sums.items()}


def first_peak(values: list[float], beyond: float = 2.0) -> dict[str, float]:
    """Of the parabola through the highest point beyond so many Å and its neighbours."""
    g = np.asarray(values)
    top = int(np.argmax(np.where(beyond < DISTANCES, g, 0)))
    near = slice(top - 2, top + 3)
    a, b, c = np.polyfit(DISTANCES[near], g[near], 2)
    return {"distance_A": float(-b / (2 * a)), "height": float(c - b**2 / (4 * a))}


def first_peaks(
    g: dict[str, dict[str, list[float]]], pair: str, beyond: float = 2.0
) -> dict[str, dict[str, float]]:
    """Of every side's g(r) of a pair; printed."""
    peaks = {side: first_peak(of_pairs[pair], beyond) for side, of_pairs in g.items()}
    for side, peak in peaks.items():
        click.echo(f"{side}: first {pair} peak {peak['height']:.2f} at {peak['distance_A']:.3f} Å")
    return peaks


def shift(ours: dict[str, float], theirs: dict[str, float]) -> float:
    """Between first peaks, Å."""
    return abs(ours["distance_A"] - theirs["distance_A"])
