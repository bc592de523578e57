"""Liquid water with quantum nuclei: i-PI and our driver, beside the reference data's own frames.

    python -m benchmarks.physics.path_integral_water [--model model.pt] [--minutes 60] [--beads 32]

64 molecules in the cell of the reference frames at 300 K, ring polymers of 32 beads (structure and
energies of water at 300 K no longer change with more), 0.5 fs, thermostat PILE-G; no contraction,
which pays for forces of long range that cost much, and there are none. Goes on where an earlier
call stopped, in the folder accuracy/path_integral_water, for so many minutes more; the first fifth
of all that was run does not count.

The papers name path-integral dynamics as the source of the reference frames. They are no positions
of beads: bonds are spread in them as classical nuclei or centroids are, and the virial within their
molecules, which is recorded here, is that of a few hundred kelvin. So O-O is compared, and O-H
shown of beads and of centroids.
"""

import re
import tempfile
from pathlib import Path

import click
import numpy as np
from ase import Atoms, units
from ase.io import read

from benchmarks.blocks import mean
from benchmarks.command import benchmark
from benchmarks.ipi import START
from benchmarks.models import TRAINED
from benchmarks.physics.approach import DISTANCES as SHORT
from benchmarks.physics.approach import approach
from benchmarks.physics.path_integral_run import set_up, simulate
from benchmarks.physics.radial import (
    DISTANCES,
    SHIFT,
    TIMESTEP,
    first_peaks,
    functions,
    reference_frames,
    shift,
)
from benchmarks.physics.side_by_side import temperature
from benchmarks.report import Check, at_most

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
    n_hydrogens = read(folder / START).get_chemical_symbols().count("H")
    energy, error = mean(1e3 * kinetic[counted:] / n_hydrogens)
    return {
        "picoseconds": float(times[-1]),
        **temperature(temperatures[counted:]),
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


@benchmark("path_integral_water", quick="Half a minute of two beads, anew.")
@click.option("--model", type=click.Path(exists=True, path_type=Path), help="An exported file.")
@click.option("--minutes", default=60.0, show_default=True, help="Of this call; 0: no dynamics.")
@click.option("--beads", default=32, show_default=True)
@click.option("--folder", default=FOLDER, type=click.Path(path_type=Path), show_default=True)
def main(
    quick: bool, model: Path | None, minutes: float, beads: int, folder: Path
) -> tuple[dict, list[Check]]:
    """Run on, and compare what there is; the energy of a bond shorter than any in the data."""
    if quick:
        minutes, beads, folder = 0.5, 2, Path(tempfile.mkdtemp())
    reference = reference_frames()
    start = reference[-1].copy()
    settings = set_up(folder, model, start, beads)
    if minutes:
        simulate(folder, settings, minutes)
    frames = {
        f"hipnn-ts in i-PI, {beads} beads": frames_of(sorted(folder.glob("run.pos_*.xyz")), start),
        "its centroids": frames_of([folder / "run.centroid.xyz"], start),
        "reference": reference,
    }
    if not all(frames.values()):
        raise SystemExit(f"{folder}: no frame yet, run for longer")
    g = {side: functions(of_side) for side, of_side in frames.items()}
    peaks = {pair: first_peaks(g, pair, beyond) for pair, beyond in FIRST_PEAKS.items()}
    ours, _, theirs = peaks["O-O"].values()
    of_reference, error = virial_temperature(reference)
    run = recorded(folder)
    print(run)
    # Of accuracy.py's model alone: another may have a repulsion of its own.
    short = {} if settings["model"] else {"short_A": SHORT, "approach_eV": approach(start)}
    what = "water with quantum nuclei, first peak of g(r) of O-O"
    heights = abs(ours["height"] / theirs["height"] - 1)
    return {
        "model": settings["model"] or "water_pbe0ts of accuracy.py",
        "beads": beads,
        "timestep_fs": TIMESTEP,
        "hours": settings["seconds"] / 3600,
        **run,
        "reference_virial_temperature_K": of_reference,
        "reference_virial_temperature_standard_error": error,
        "frames": {side: len(of_side) for side, of_side in frames.items()},
        "first_peaks": peaks,
        **short,
        "distances_A": DISTANCES.tolist(),
        "g": g,
    }, [
        at_most(f"{what}: distance from the reference's, Å", shift(ours, theirs), SHIFT),
        at_most(f"{what}: difference of heights, parts of the reference's", heights, HEIGHT),
    ]


if __name__ == "__main__":
    main()
