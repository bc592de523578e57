"""Radial distribution functions of liquid water in LAMMPS beside those of the reference data.

    python benchmarks/water_structure.py [--model model.pt] [--minutes 10]

64 molecules in the cell of the reference frames at 300 K, from one of them; the first fifth of the
run does not count. The model is the latest that accuracy.py trained on the published water
(energies and forces alone), or a file; the reference that set's own frames, with PBE0+TS. Writes
benchmarks/results/water_structure.json; the exit status is 1 where a bar is missed.
"""

import sys
import tempfile
from pathlib import Path

import click
import numpy as np
from accuracy import data_folder
from ase import Atoms
from ase.io import read
from ase.md.velocitydistribution import thermalize_momenta
from ase.neighborlist import neighbor_list
from blocks import mean
from side_by_side import RECORD, Run, print_checks, start_lammps, wait
from water import trained_water

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.data.read import read_frames

RESULT = Path(__file__).parents[1] / "benchmarks" / "results" / "water_structure.json"
FILES = ("train.extxyz.xz", "valid.extxyz.xz")
PAIRS = {"O-O": (8, 8), "O-H": (8, 1), "H-H": (1, 1)}
FARTHEST, BINS = 6.0, 120  # Å; half of the cell is 6.2
TEMPERATURE = 300  # K
TIMESTEP = 0.5  # fs
EVERY = 40  # steps between records
NVT = f"""fix move all nvt temp {TEMPERATURE} {TEMPERATURE} 0.1
dump positions all custom {EVERY} positions.lammpstrj id element x y z
dump_modify positions element H O sort id"""
SHIFT = 0.05  # Å, of the first peak of O-O


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


def first_peak(
    distances: np.ndarray, values: list[float], beyond: float = 2.0
) -> tuple[float, float]:
    """Place and height, of the parabola through the highest point beyond so many Å and its
    neighbours."""
    g = np.asarray(values)
    top = int(np.argmax(np.where(distances > beyond, g, 0)))
    a, b, c = np.polyfit(distances[top - 2 : top + 3], g[top - 2 : top + 3], 2)
    return float(-b / (2 * a)), float(c - b**2 / (4 * a))


def simulate(model: Path | None, start: Atoms, minutes: float) -> tuple[list[Atoms], dict]:
    """Frames in LAMMPS after the first fifth, and how long and how warm it ran."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lammps"
        file = model.resolve() if model else trained_water(Path(name))
        run = Run(file, start, TIMESTEP, EVERY, minutes)
        wait([start_lammps(folder, run, 1, "$(temp:%.10g)", NVT)])
        times, temperatures = np.loadtxt(folder / RECORD, unpack=True)
        frames = read(folder / "positions.lammpstrj", ":", format="lammps-dump-text")
    counted = len(frames) // 5
    temperature, error = mean(temperatures[counted:])
    return frames[counted:], {
        "picoseconds": float(times[-1]),
        "temperature_K": temperature,
        "temperature_standard_error": error,
    }


@click.command()
@click.option("--model", type=click.Path(exists=True, path_type=Path), help="An exported file.")
@click.option("--minutes", default=10.0, show_default=True)
def main(model: Path | None, minutes: float) -> None:
    """Run and compare."""
    folder = data_folder() / "water_pbe0ts"
    reference = [frame for file in FILES for frame in read_frames(folder / file)]
    start = reference[-1].copy()
    thermalize_momenta(start, temperature_K=TEMPERATURE, rng=np.random.default_rng(0))
    frames, run = simulate(model, start, minutes)
    distances = (np.arange(BINS) + 0.5) * FARTHEST / BINS
    sides = {"hipnn-ts in LAMMPS": functions(frames), "reference": functions(reference)}
    peaks = {name: first_peak(distances, g["O-O"]) for name, g in sides.items()}
    ours, theirs = peaks.values()
    checks = [
        Check(
            name="water, first peak of g(r) of O-O: distance from the reference's, Å",
            value=abs(ours[0] - theirs[0]),
            limit=SHIFT,
            better="lower",
        )
    ]
    figures = {
        "model": str(model or "water_pbe0ts of accuracy.py"),
        **run,
        "frames": {"hipnn-ts in LAMMPS": len(frames), "reference": len(reference)},
        "first_peak_of_O_O": {
            name: {"distance_A": place, "height": height} for name, (place, height) in peaks.items()
        },
        "distances_A": distances.tolist(),
        "g": sides,
    }
    write_report(RESULT, figures, checks)
    for name, (place, height) in peaks.items():
        print(f"{name}: first O-O peak {height:.2f} at {place:.3f} Å")
    print(run)
    sys.exit(0 if print_checks(checks) else 1)


if __name__ == "__main__":
    main()
