"""Liquid water with quantum nuclei: i-PI and our driver, beside the reference data's own frames.

    python benchmarks/path_integral_water.py [--model model.pt] [--minutes 60] [--beads 32]

64 molecules in the cell of the reference frames at 300 K, ring polymers of 32 beads (structure and
energies of water at 300 K no longer change with more), 0.5 fs, thermostat PILE-G; no contraction,
which pays for forces of long range that cost much, and there are none. Goes on where an earlier
call stopped, in the folder accuracy/path_integral_water, for so many minutes more; the first fifth
of all that was run does not count.

The papers name path-integral dynamics as the source of the reference frames. They are no positions
of beads: bonds are spread in them as classical nuclei or centroids are, and the virial within their
molecules, which is recorded here, is that of a few hundred kelvin. So O-O is compared, and O-H
shown of beads and of centroids. Writes benchmarks/results/path_integral_water.json; the exit
status is 1 where a bar is missed.
"""

import re
import sys
from pathlib import Path

import click
import numpy as np
from accuracy import TRAINED, data_folder
from ase import Atoms, units
from ase.io import read
from blocks import mean
from path_integral_run import set_up, simulate
from side_by_side import print_checks
from water_structure import (
    BINS,
    FARTHEST,
    FILES,
    SHIFT,
    TIMESTEP,
    first_peak,
    functions,
)

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.data.read import read_frames

RESULT = Path(__file__).parent / "results" / "path_integral_water.json"
FOLDER = TRAINED / "path_integral_water"
HEIGHT = 0.1  # of the first peak, parts of the reference's
FIRST_PEAKS = {"O-O": 2.0, "O-H": 0.5}  # beyond so many Å


def frames_of(paths: list[Path], start: Atoms) -> list[Atoms]:
    """What i-PI wrote there, each file without the first fifth of the steps."""
    frames = []
    for path in paths:
        lines = path.read_text().splitlines()
        by_step = {}  # a run that was killed repeats what came after its checkpoint
        for first in range(0, len(lines), len(start) + 2):
            block = lines[first : first + len(start) + 2]
            if len(block) < len(start) + 2:
                break
            step = int(re.search(r"Step:\s*(\d+)", block[1])[1])
            by_step[step] = [line.split()[1:4] for line in block[2:]]
        ordered = [by_step[step] for step in sorted(by_step)]
        for positions in ordered[len(ordered) // 5 :]:
            frames.append(
                Atoms(start.numbers, np.array(positions, float), cell=start.cell, pbc=True)
            )
    return frames


def recorded(folder: Path) -> dict[str, float]:
    """Of all steps: how long, how warm, and the kinetic energy of a hydrogen."""
    rows = {row[0]: row[1:] for row in np.loadtxt(folder / "run.out", ndmin=2).tolist()}
    times, temperatures, kinetic = np.array([rows[step] for step in sorted(rows)]).T
    counted = len(times) // 5
    names = read(folder / "start.extxyz").get_chemical_symbols()
    energy, error = mean(1e3 * kinetic[counted:] / names.count("H"))
    temperature, of_temperature = mean(temperatures[counted:])
    return {
        "picoseconds": float(times[-1]),
        "temperature_K": temperature,
        "temperature_standard_error": of_temperature,
        "kinetic_energy_of_H_meV": energy,
        "kinetic_energy_standard_error": error,
    }


def virial_temperature(frames: list[Atoms]) -> tuple[float, float]:
    """Of labelled frames, K, with its error: of positions within the molecules, by their forces.

    Sampled classically, a molecule's three atoms give -sum (r - r_com) F = 6 kT on average,
    whatever the potential; positions of beads would give several times as much.
    """
    temperatures = []
    for frame in frames:
        oxygens, hydrogens = (np.flatnonzero(frame.numbers == number) for number in (8, 1))
        bonds = frame.positions[hydrogens][:, None] - frame.positions[oxygens]
        fractions = bonds @ np.linalg.inv(frame.cell.array)
        bonds -= np.rint(fractions) @ frame.cell.array
        owner = np.linalg.norm(bonds, axis=2).argmin(axis=1)
        masses, forces, virial = frame.get_masses(), frame.get_forces(), 0.0
        for k, oxygen in enumerate(oxygens):
            own = hydrogens[owner == k]
            atoms = np.r_[oxygen, own]
            offsets = np.vstack([np.zeros(3), bonds[owner == k, k]])
            centre = np.average(offsets, axis=0, weights=masses[atoms])
            virial -= np.sum((offsets - centre) * forces[atoms])
        temperatures.append(virial / (6 * len(oxygens) * units.kB))
    return mean(np.array(temperatures))


def checks_of(ours: tuple[float, float], theirs: tuple[float, float]) -> list[Check]:
    """First peaks of O-O, place and height."""
    what = "water with quantum nuclei, first peak of g(r) of O-O"
    return [
        Check(
            name=f"{what}: distance from the reference's, Å",
            value=abs(ours[0] - theirs[0]),
            limit=SHIFT,
            better="lower",
        ),
        Check(
            name=f"{what}: difference of heights, parts of the reference's",
            value=abs(ours[1] / theirs[1] - 1),
            limit=HEIGHT,
            better="lower",
        ),
    ]


@click.command()
@click.option("--model", type=click.Path(exists=True, path_type=Path), help="An exported file.")
@click.option("--minutes", default=60.0, show_default=True, help="Of this call; 0: no dynamics.")
@click.option("--beads", default=32, show_default=True)
@click.option("--folder", default=FOLDER, type=click.Path(path_type=Path), show_default=True)
@click.option("--output", default=RESULT, type=click.Path(path_type=Path), show_default=True)
def main(model: Path | None, minutes: float, beads: int, folder: Path, output: Path) -> None:
    """Run on, and compare what there is."""
    data = data_folder() / "water_pbe0ts"
    reference = [frame for file in FILES for frame in read_frames(data / file)]
    start = reference[-1].copy()
    settings = set_up(folder, model, start, beads)
    if minutes:
        simulate(folder, settings, minutes)
    distances = (np.arange(BINS) + 0.5) * FARTHEST / BINS
    frames = {
        f"hipnn-ts in i-PI, {beads} beads": frames_of(sorted(folder.glob("run.pos_*.xyz")), start),
        "its centroids": frames_of([folder / "run.centroid.xyz"], start),
        "reference": reference,
    }
    if not all(frames.values()):
        raise SystemExit(f"{folder}: no frame yet, run for longer")
    sides = {side: functions(of_side) for side, of_side in frames.items()}
    peaks = {
        pair: {side: first_peak(distances, g[pair], beyond) for side, g in sides.items()}
        for pair, beyond in FIRST_PEAKS.items()
    }
    ours, _, theirs = peaks["O-O"].values()
    checks = checks_of(ours, theirs)
    temperature, error = virial_temperature(reference)
    figures = {
        "model": settings["model"] or "water_pbe0ts of accuracy.py",
        "beads": beads,
        "timestep_fs": TIMESTEP,
        "hours": settings["seconds"] / 3600,
        **recorded(folder),
        "reference_virial_temperature_K": temperature,
        "reference_virial_temperature_standard_error": error,
        "frames": {side: len(of_side) for side, of_side in frames.items()},
        "first_peaks": {
            pair: {
                side: {"distance_A": place, "height": height}
                for side, (place, height) in of_sides.items()
            }
            for pair, of_sides in peaks.items()
        },
        "distances_A": distances.tolist(),
        "g": sides,
    }
    write_report(output, figures, checks)
    for pair, of_sides in peaks.items():
        for side, (place, height) in of_sides.items():
            print(f"{side}: first {pair} peak {height:.2f} at {place:.3f} Å")
    print({key: value for key, value in figures.items() if isinstance(value, float)})
    sys.exit(0 if print_checks(checks) else 1)


if __name__ == "__main__":
    main()
