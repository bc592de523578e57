"""Radial distribution functions of liquid water in LAMMPS beside those of the reference data.

64 molecules at 300 K start from one of the reference frames, those of the published water with
PBE0+TS; the first fifth of the run does not count. The model is the latest that accuracy.py trained
on the energies and forces of these frames. Judged is the distance of the first peak of O-O.
"""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read
from ase.md.velocitydistribution import thermalize_momenta
from ase.neighborlist import neighbor_list

from benchmarks.command import Findings, benchmark
from benchmarks.models import data_folder, trained_water
from benchmarks.physics.side_by_side import Run, start_lammps, temperature, wait
from benchmarks.report import at_most
from hipnn_ts.data.read import read_frames

FILES = ("train.extxyz.xz", "valid.extxyz.xz")
PAIRS = {"O-O": (8, 8), "O-H": (8, 1), "H-H": (1, 1)}
FARTHEST, BINS = 6.0, 120  # Å; half of the cell is 6.2
DISTANCES = (np.arange(BINS) + 0.5) * FARTHEST / BINS
TEMPERATURE = 300  # K
TIMESTEP = 0.5  # fs
EVERY = 40  # steps between records
SHIFT = 0.05  # Å, largest difference of the first O-O peak's distance from the reference's
NVT = f"""fix move all nvt temp {TEMPERATURE} {TEMPERATURE} 0.1
dump positions all custom {EVERY} positions.lammpstrj id element x y z
dump_modify positions element H O sort id"""
OURS = "hipnn-ts in LAMMPS"


def reference_frames() -> list[Atoms]:
    """Labelled frames of the published water with PBE0+TS."""
    folder = data_folder() / "water_pbe0ts"
    return [frame for file in FILES for frame in read_frames(folder / file)]


def radial_functions(frames: list[Atoms]) -> dict[str, list[float]]:
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
    """Top of the parabola through the points about the highest one beyond so many Å."""
    g = np.asarray(values)
    top = int(np.argmax(np.where(beyond < DISTANCES, g, 0)))
    near = slice(top - 2, top + 3)
    a, b, c = np.polyfit(DISTANCES[near], g[near], 2)
    return {"distance_A": float(-b / (2 * a)), "height": float(c - b**2 / (4 * a))}


@benchmark("water_structure", minutes=0.3)
def main(scratch: Path, minutes=10.0) -> Findings:
    reference = reference_frames()
    start = reference[-1].copy()
    thermalize_momenta(start, temperature_K=TEMPERATURE, rng=np.random.default_rng(0))
    run = Run(trained_water(scratch), start, TIMESTEP, EVERY, minutes)
    engine = start_lammps(scratch / "lammps", run, 1, "$(temp:%.10g)", NVT)
    wait([engine])
    times, temperatures = engine.recorded()
    frames = read(engine.folder / "positions.lammpstrj", ":", format="lammps-dump-text")
    counted = len(frames) // 5
    sides = {OURS: frames[counted:], "reference": reference}
    g = {side: radial_functions(of_side) for side, of_side in sides.items()}
    peaks = {side: first_peak(of_pairs["O-O"]) for side, of_pairs in g.items()}
    shift = abs(peaks[OURS]["distance_A"] - peaks["reference"]["distance_A"])
    what = "water, first peak of g(r) of O-O: distance from the reference's, Å"
    return {
        "model": "water_pbe0ts of accuracy.py",
        "picoseconds": float(times[-1]),
        **temperature(temperatures[counted:]),
        "frames": {side: len(of_side) for side, of_side in sides.items()},
        "first_peak_of_O_O": peaks,
        "distances_A": DISTANCES.tolist(),
        "g": g,
    }, [at_most(what, shift, SHIFT)]


if __name__ == "__main__":
    main()
