"""Radial distribution functions of liquid water in LAMMPS beside those of the reference data.

    python -m benchmarks.physics.water_structure [--model model.pt] [--minutes 10]

64 molecules in the cell of the reference frames at 300 K, from one of them; the first fifth of the
run does not count. The model is the latest that accuracy.py trained on the published water
(energies and forces alone), or a file; the reference that set's own frames, with PBE0+TS.
"""

import tempfile
from pathlib import Path

import click
import numpy as np
from ase import Atoms
from ase.io import read
from ase.md.velocitydistribution import thermalize_momenta

from benchmarks.command import benchmark
from benchmarks.models import trained_water
from benchmarks.physics.radial import (
    DISTANCES,
    EVERY,
    SHIFT,
    TEMPERATURE,
    TIMESTEP,
    first_peaks,
    functions,
    reference_frames,
    shift,
)
from benchmarks.physics.side_by_side import Run, start_lammps, temperature, wait
from benchmarks.report import Check, at_most

NVT = f"""fix move all nvt temp {TEMPERATURE} {TEMPERATURE} 0.1
dump positions all custom {EVERY} positions.lammpstrj id element x y z
dump_modify positions element H O sort id"""
OURS = "hipnn-ts in LAMMPS"


def simulate(model: Path | None, start: Atoms, minutes: float) -> tuple[list[Atoms], dict]:
    """Frames in LAMMPS after the first fifth, and how long and how warm it ran."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lammps"
        file = model.resolve() if model else trained_water(Path(name))
        engine = start_lammps(
            folder, Run(file, start, TIMESTEP, EVERY, minutes), 1, "$(temp:%.10g)", NVT
        )
        wait([engine])
        times, temperatures = engine.recorded()
        frames = read(folder / "positions.lammpstrj", ":", format="lammps-dump-text")
    counted = len(frames) // 5
    return frames[counted:], {
        "picoseconds": float(times[-1]),
        **temperature(temperatures[counted:]),
    }


@benchmark("water_structure", quick="Twenty seconds.")
@click.option("--model", type=click.Path(exists=True, path_type=Path), help="An exported file.")
@click.option("--minutes", default=10.0, show_default=True)
def main(quick: bool, model: Path | None, minutes: float) -> tuple[dict, list[Check]]:
    """Run and compare."""
    reference = reference_frames()
    start = reference[-1].copy()
    thermalize_momenta(start, temperature_K=TEMPERATURE, rng=np.random.default_rng(0))
    frames, run = simulate(model, start, 0.3 if quick else minutes)
    print(run)
    sides = {OURS: frames, "reference": reference}
    g = {side: functions(of_side) for side, of_side in sides.items()}
    peaks = first_peaks(g, "O-O")
    name = "water, first peak of g(r) of O-O: distance from the reference's, Å"
    return {
        "model": str(model or "water_pbe0ts of accuracy.py"),
        **run,
        "frames": {side: len(of_side) for side, of_side in sides.items()},
        "first_peak_of_O_O": peaks,
        "distances_A": DISTANCES.tolist(),
        "g": g,
    }, [at_most(name, shift(*peaks.values()), SHIFT)]


if __name__ == "__main__":
    main()
