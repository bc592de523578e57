"""Liquid water with quantum nuclei, by i-PI and our driver, beside the reference data's frames.

64 molecules in the cell of the reference frames at 300 K, ring polymers of 32 beads (structure and
energies no longer change with more), 0.5 fs, thermostat PILE-G. Ring polymers are not contracted:
that helps with costly long-range forces, of which there are none. Each call continues the run in
--folder for so many minutes; the first fifth of all steps does not count. Judged are distance and
height of the first peak of g(r) of O-O. Needs i-PI, the published water and accuracy.py's model.

The papers name path-integral dynamics as the source of the reference frames, but these are not
positions of beads: their bonds are spread like those of classical nuclei or centroids, and the
virial within their molecules, which is recorded here, is that of a few hundred kelvin. So O-O is
judged, and O-H of both beads and centroids is shown.
"""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.geometry import get_distances
from ase.io import read

from benchmarks.blocks import mean
from benchmarks.command import Findings, benchmark, kept
from benchmarks.ipi import LOG, START, running, socket, write_input
from benchmarks.models import trained_water
from benchmarks.physics import approach
from benchmarks.physics.side_by_side import temperature
from benchmarks.physics.water_structure import (
    DISTANCES,
    EVERY,
    SHIFT,
    TIMESTEP,
    first_peak,
    radial_functions,
    reference_frames,
)
from benchmarks.report import ROOT, at_most

HEIGHT = 0.1  # largest difference of the first peak's height from the reference's, relative
FIRST_PEAKS = {"O-O": 2.0, "O-H": 0.5}  # Å, the distances beyond which the first peak is sought
SETTINGS = "settings.json"
WRITTEN_BEADS = 4  # whose positions are written: all beads are equivalent
CHECKPOINTS = ("RESTART", "run.checkpoint")  # written when i-PI stops, and while it runs
OUTPUT = """
    <properties filename='out' stride='{every}'>
      [step, time{{picosecond}}, temperature{{kelvin}}, kinetic_cv(H){{electronvolt}}]
    </properties>
    <trajectory filename='pos' stride='{every}' bead='-{apart}' flush='10'>
      positions{{angstrom}}
    </trajectory>
    <trajectory filename='centroid' stride='{every}' flush='10'>
      x_centroid{{angstrom}}
    </trajectory>
    <checkpoint filename='checkpoint' stride='1000' overwrite='True'/>
"""


def set_up(folder: Path, start: Atoms, beads: int) -> dict:
    """Write the files of a new run; its settings."""
    folder.mkdir(parents=True, exist_ok=True)
    trained_water(folder)
    run = {"beads": beads, "address": f"hipnn_ts_water_{os.getpid()}"}
    start = Atoms(start.numbers, start.positions, cell=start.cell, pbc=True)
    output = OUTPUT.format(every=EVERY, apart=max(1, beads // WRITTEN_BEADS))
    write_input(folder, start, timestep=TIMESTEP, output=output, **run)
    return run | {"seconds": 0.0}


def simulate(folder: Path, settings: dict, minutes: float) -> None:
    """Continue the run with a driver for each core; the time is added to the settings' seconds."""
    socket(settings["address"]).unlink(missing_ok=True)  # left by a run that was killed
    checkpoints = [folder / name for name in CHECKPOINTS if (folder / name).exists()]
    last = max(checkpoints, key=lambda path: path.stat().st_mtime, default=folder / "input.xml")
    driver = ["hipnn-ts", "ipi", "water.pt", "--atoms", START, "--unix"]
    driver += ["--address", settings["address"], "--wait", "60"]
    start = time.monotonic()
    drivers = [driver] * os.cpu_count()
    with running(["i-pi", last.name], *drivers, folder=folder) as (server, *others):
        try:
            server.wait(60 * minutes)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGTERM)
        status = [process.wait(120) for process in (server, *others)]
    if any(status):
        raise SystemExit(f"{folder / LOG}: i-PI and its drivers ended with {status}, not 0")
    settings["seconds"] += time.monotonic() - start
    (folder / SETTINGS).write_text(json.dumps(settings))


def frames_of(path: Path, start: Atoms) -> list[Atoms]:
    """Frames that i-PI wrote to a file, without the first fifth of the steps."""
    lines, size = path.read_text().splitlines(), len(start) + 2
    blocks = [lines[k : k + size] for k in range(0, len(lines) - size + 1, size)]
    # After a run was killed, the steps since its checkpoint are written again.
    by_step = {int(re.search(r"Step:\s*(\d+)", block[1])[1]): block[2:] for block in blocks}
    ordered = [by_step[step] for step in sorted(by_step)]
    frames = []
    for atoms in ordered[len(ordered) // 5 :]:
        positions = np.loadtxt(atoms, usecols=(1, 2, 3))
        frames.append(Atoms(start.numbers, positions, cell=start.cell, pbc=True))
    return frames


def recorded(folder: Path) -> dict[str, float]:
    """Length of the run; without its first fifth, temperature and a hydrogen's kinetic energy."""
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
    """Temperature of labelled frames and its error, K, from the virial within their molecules.

    For classical nuclei, -sum (r - r_com) F over a molecule's three atoms is 6 kT on average,
    whatever the potential; for positions of beads it would be several times as much.
    """
    temperatures = []
    for frame in frames:
        oxygens, hydrogens = (np.flatnonzero(frame.numbers == number) for number in (8, 1))
        bonds = -get_distances(
            frame.positions[hydrogens], frame.positions[oxygens], frame.cell, frame.pbc
        )[0]
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


@benchmark("path_integral_water", minutes=0.5, beads=2, folder="build/quick/path_integral_water")
def main(minutes=60.0, beads=32, folder="accuracy/path_integral_water") -> Findings:
    """Continue the run for so many minutes, and compare all of it with the reference; add the
    energy of a bond shorter than any in the data."""
    reference, run = reference_frames(), ROOT / folder
    start = reference[-1].copy()
    settings = kept(run / SETTINGS, set_up, run, start, beads)
    if settings["beads"] != beads:
        raise SystemExit(f"{run}: a run of {settings['beads']} beads; name another --folder")
    if minutes:
        simulate(run, settings, minutes)
    ours, centroids = f"hipnn-ts in i-PI, {beads} beads", "its centroids"
    frames = {
        ours: [f for path in sorted(run.glob("run.pos_*.xyz")) for f in frames_of(path, start)],
        centroids: frames_of(run / "run.centroid.xyz", start),
        "reference": reference,
    }
    if not all(frames.values()):
        raise SystemExit(f"{run}: no frame yet, run for longer")
    g = {side: radial_functions(of_side) for side, of_side in frames.items()}
    peaks = {
        pair: {side: first_peak(of_pairs[pair], beyond) for side, of_pairs in g.items()}
        for pair, beyond in FIRST_PEAKS.items()
    }
    mine, theirs = peaks["O-O"][ours], peaks["O-O"]["reference"]
    shift = abs(mine["distance_A"] - theirs["distance_A"])
    heights = abs(mine["height"] / theirs["height"] - 1)
    of_reference, error = virial_temperature(reference)
    what = "water with quantum nuclei, first peak of g(r) of O-O"
    return {
        "model": "water_pbe0ts of accuracy.py",
        "beads": beads,
        "timestep_fs": TIMESTEP,
        "hours": settings["seconds"] / 3600,
        **recorded(run),
        "reference_virial_temperature_K": of_reference,
        "reference_virial_temperature_standard_error": error,
        "frames": {side: len(of_side) for side, of_side in frames.items()},
        "first_peaks": peaks,
        "short_A": approach.DISTANCES,
        "approach_eV": approach.approach(start),
        "distances_A": DISTANCES.tolist(),
        "g": g,
    }, [
        at_most(f"{what}: distance from the reference's, Å", shift, SHIFT),
        at_most(f"{what}: difference of heights, parts of the reference's", heights, HEIGHT),
    ]


if __name__ == "__main__":
    main()
