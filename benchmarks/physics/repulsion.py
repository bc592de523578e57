"""Where the automatic repulsion should begin: no well below the closest approach, no harm beyond.

Models that bench-accuracy trained get the repulsion at several shares of the closest approach of
each two elements in their training frames. In those frames, the closest pair of each two elements
is pressed together: a well on the way, whose depth is judged, is a hole that atoms can fall into.
On the frames of the set's tests, some of them hotter, the forces that the repulsion adds say what
it spoils; they are judged, too. Needs the published data.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from ase import Atoms
from ase.neighborlist import natural_cutoffs, neighbor_list

from benchmarks.accuracy.sets import SETS
from benchmarks.command import Findings, benchmark
from benchmarks.models import TRAINED, published_data
from benchmarks.report import at_most
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data.read import read_frames
from hipnn_ts.export import export_potential
from hipnn_ts.model.config import pair_name
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.repulsion import INNER, OUTER, automatic_radii

NAMES = ("3bpa", "ethanol_rmd17", "water_pbe0ts", "mlearn_Si", "mlearn_Mo", "mlearn_Li", "inp_snap")
SHARES = (None, (0.6, 0.9), (0.8, 0.9), (0.85, 0.95), (0.9, 1.0))  # inner, outer; None: without
REACH = 1.6  # sums of covalent radii: farther apart, neighbours of the two are pressed as well
NEAREST, STEP = 0.4, 0.02  # share of the closest approach to which a pair is pressed; Å


class Closest:
    """The closest pair of each two elements: distances (Å), and the frame and atoms of each."""

    def __init__(self, frames: list[Atoms]):
        self.distances: dict[str, float] = {}
        self.pairs: dict[str, tuple[Atoms, int, int]] = {}
        for frame in frames:
            symbols = frame.get_chemical_symbols()
            found = zip(*neighbor_list("ijd", frame, natural_cutoffs(frame, REACH)), strict=True)
            for i, j, distance in sorted(found, key=lambda pair: pair[2]):
                name = pair_name(symbols[i], symbols[j])
                if distance < self.distances.get(name, np.inf):
                    self.distances[name], self.pairs[name] = float(distance), (frame, i, j)


def calculator_of(potential: Potential, zbl: dict | None) -> HIPNNTSCalculator:
    changed = Potential(potential.config.model_copy(update={"zbl": zbl}))
    changed.load_state_dict(potential.state_dict())
    with TemporaryDirectory() as folder:
        export_potential(changed, Path(folder) / "model.pt", {})
        return HIPNNTSCalculator(Path(folder) / "model.pt", beyond_training="ignore")


def well(calculator: HIPNNTSCalculator, frame: Atoms, i: int, j: int) -> float:
    """Depth, eV, of the deepest minimum on the way of two atoms towards each other."""
    periodic = bool(frame.pbc.any())
    distance = frame.get_distance(i, j, mic=periodic)
    energies = []
    for shorter in np.arange(distance, NEAREST * distance, -STEP):
        atoms = frame.copy()
        atoms.set_distance(i, j, shorter, fix=0.5, mic=periodic)
        atoms.calc = calculator
        energies.append(atoms.get_potential_energy())
    return float(np.max(np.maximum.accumulate(energies) - energies))


def forces_of(calculator: HIPNNTSCalculator, frames: list[Atoms]) -> np.ndarray:
    return np.concatenate([each["forces"] for each in calculator.evaluate_batch(frames)])


def measure(name: str, data: Path, n_frames: int) -> dict:
    """Wells by pair of elements, eV, and forces that are added on each test, RMS, meV/Å."""
    chosen = SETS[name]
    run = TRAINED / f"{chosen.minutes:g}-minutes-seed-0" / name / "hipnn-ts-polynomials-l3"
    potential, _ = load_checkpoint(run / "best.ckpt")
    cutoff = potential.config.cutoff
    closest = Closest(list(read_frames(data / chosen.train)))
    tests = {
        label: list(read_frames(data / test.file))[:n_frames]
        for label, test in chosen.tests.items()
    }
    rows = {}
    for shares in SHARES:
        radii = shares and automatic_radii(
            potential.config.elements, closest.distances, cutoff, shares
        )
        calculator = calculator_of(potential, radii)
        forces = {label: forces_of(calculator, frames) for label, frames in tests.items()}
        if shares is None:
            bare = forces
        rows["none" if shares is None else f"{shares[0]:g} to {shares[1]:g}"] = {
            "wells_eV": {pair: well(calculator, *where) for pair, where in closest.pairs.items()},
            "added_forces_meV_A": {
                label: 1e3 * float(np.sqrt(np.mean((found - bare[label]) ** 2)))
                for label, found in forces.items()
            },
        }
    return {"closest_A": closest.distances, "rows": rows}


@benchmark("repulsion", n_frames=5, n_sets=1)
def main(n_frames=200, n_sets=7) -> Findings:
    data = published_data()
    sets = {}
    for name in NAMES[:n_sets]:
        sets[name] = measure(name, data, n_frames)
        for shares, row in sets[name]["rows"].items():
            print(f"{name}, {shares}: wells {max(row['wells_eV'].values()):.2f} eV", flush=True)
    rows = [found["rows"][f"{INNER:g} to {OUTER:g}"] for found in sets.values()]
    deepest = max(depth for row in rows for depth in row["wells_eV"].values())
    added = max(force for row in rows for force in row["added_forces_meV_A"].values())
    return {"sets": sets}, [
        at_most("deepest well below the closest approach, eV", deepest, 0.3),
        at_most("forces that it adds on frames of tests, RMS, meV/Å", added, 5.0),
    ]


if __name__ == "__main__":
    main()
