"""Label molecules and liquid water with GFN2-xTB: energies, forces and, in a box, stress.

    python label.py molecules water -o .

writes molecules.extxyz.xz and water.extxyz.xz; `python label.py check -o .` compares forces and
stress of a labelled box with differences of the energy. An interrupted run continues where it
stopped. Needs ase and tblite.
"""

import os

# With one thread tblite's sums, and so the trajectories, depend on the seed alone.
os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import io
import lzma
import time
from contextlib import suppress
from pathlib import Path

import molecules
import numpy as np
import water
from ase import Atoms
from ase.calculators.calculator import CalculationFailed
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from tblite.ase import TBLite

METHOD = "GFN2-xTB"
LARGEST_FORCE = 15.0  # eV/Å; simulations do not reach larger ones, which would dominate a fit
END_OF_JOB = "# end of job\n"
SETS = {"molecules": molecules, "water": water}


def label(atoms: Atoms) -> Atoms | None:
    """A labelled copy with positions rounded to 1e-4 Å; None if xTB fails or forces are large."""
    frame = Atoms(
        atoms.numbers, np.round(atoms.positions, 4), cell=atoms.cell, pbc=atoms.pbc, info=atoms.info
    )
    frame.calc = TBLite(method=METHOD, verbosity=0)
    try:
        results = {
            "energy": round(frame.get_potential_energy(), 6),
            "forces": np.round(frame.get_forces(), 5),
        }
        if frame.pbc.all():
            results["stress"] = np.round(frame.get_stress(), 8)
    except CalculationFailed:
        return None
    if np.abs(results["forces"]).max() > LARGEST_FORCE:
        return None
    frame.calc = SinglePointCalculator(frame, **results)
    return frame


def make(name: str, folder: Path, seed: int) -> None:
    """Sample and label one set, job by job; each job has its own random numbers."""
    jobs = SETS[name].JOBS
    partial = folder / f"{name}.partial"
    done = partial.read_text().split(END_OF_JOB)[:-1] if partial.exists() else []
    started = time.perf_counter()
    for index in range(len(done), len(jobs)):
        random = np.random.default_rng([seed, list(SETS).index(name), index])
        frames = []
        # If xTB fails in a trajectory, only its remaining frames are lost.
        with suppress(CalculationFailed):
            for atoms in SETS[name].sample(jobs[index], random):
                atoms.info["trajectory"] = index
                frames.append(label(atoms))
        kept = [frame for frame in frames if frame is not None]
        done.append(_extended_xyz(kept))
        _replace(partial, "".join(text + END_OF_JOB for text in done).encode())
        minutes = (time.perf_counter() - started) / 60
        print(
            f"{name}: job {index + 1} of {len(jobs)}, {len(kept)} of {len(frames)} frames kept, "
            f"{minutes:.1f} min",
            flush=True,
        )
    target = folder / f"{name}.extxyz.xz"
    _replace(target, lzma.compress("".join(done).encode(), preset=9))
    partial.unlink()
    print(f"{target}: {''.join(done).count('Properties=')} frames")


def _extended_xyz(frames: list[Atoms]) -> str:
    text = io.StringIO()
    if frames:
        write(text, frames, format="extxyz")
    return text.getvalue()


def _replace(path: Path, content: bytes) -> None:
    """Replace a file in one step, so that an interruption leaves the old one."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    temporary.replace(path)


def check(folder: Path) -> None:
    """Print forces and stress of the first labelled box beside differences of the energy."""
    with lzma.open(folder / "water.extxyz.xz", "rt") as file:
        frame = read(io.StringIO(file.read()), 0, format="extxyz")

    def energy(positions: np.ndarray, cell: np.ndarray) -> float:
        moved = Atoms(frame.numbers, positions, cell=cell, pbc=True)
        moved.calc = TBLite(method=METHOD, accuracy=0.01, verbosity=0)
        return moved.get_potential_energy()

    step, cell = 1e-3, frame.cell.array
    for atom, axis in ((0, 0), (1, 1), (40, 2)):
        move = np.zeros_like(frame.positions)
        move[atom, axis] = step
        difference = energy(frame.positions - move, cell) - energy(frame.positions + move, cell)
        expected, found = difference / (2 * step), frame.get_forces()[atom, axis]
        print(f"force on atom {atom}, {'xyz'[axis]}: {found:.5f} eV/Å, difference {expected:.5f}")
    for a, b in ((0, 0), (1, 2)):
        strain = np.zeros((3, 3))
        strain[a, b] += step / 2
        strain[b, a] += step / 2
        up, down = np.eye(3) + strain, np.eye(3) - strain
        difference = energy(frame.positions @ up, cell @ up) - energy(
            frame.positions @ down, cell @ down
        )
        expected = difference / (2 * step * frame.get_volume())
        found = frame.get_stress(voigt=False)[a, b]
        print(f"stress {'xyz'[a]}{'xyz'[b]}: {found:.6f} eV/Å^3, difference {expected:.6f}")


def main() -> None:
    """Label the sets that the command line names, or check the labels."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("what", nargs="+", choices=[*SETS, "check"], help="sets to make, or check")
    parser.add_argument("-o", "--output", type=Path, default=Path("."), help="folder (default: .)")
    parser.add_argument("--seed", type=int, default=1, help="of all random numbers (default: 1)")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    for what in arguments.what:
        if what == "check":
            check(arguments.output)
        else:
            make(what, arguments.output, arguments.seed)


if __name__ == "__main__":
    main()
