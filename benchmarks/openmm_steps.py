"""The step of a simulation in OpenMM on its CPU platform, beside the kernel alone and beside peers.

    python benchmarks/openmm_steps.py [--quick] [--torchani-python PYTHON]

Writes benchmarks/results/openmm.json. Steps are so short that the atoms stay: what is timed is a
step between neighbour searches; searches are timed apart, and their share follows from how often
a simulation of water at 300 K makes one. TorchANI runs in an interpreter of its own, which
`make bench-openmm` sets up: one network of the shape of ANI-1x with random weights.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import click
import numpy as np
import torch
from ase import Atoms, units
from ase.build import molecule
from ase.io import read, write
from blocks import drift_of
from hippynn_peer import SPECIES, Peer, published_file, use_kernel
from openmm import VerletIntegrator, unit
from openmm_contexts import STILL, context, hippynn_force, nve_drift
from published import export_published
from timing import alternate
from water import thermal_water, water_box

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.export import load_exported
from hipnn_ts.neighbours import neighbour_pairs
from hipnn_ts.openmm import create_force

ROOT = Path(__file__).parents[1]
DIPEPTIDE = ROOT / "examples" / "openmm" / "alanine_dipeptide.pdb"
# hippynn takes a second for 1,000 atoms, and memory for 180 numbers a pair.
LARGEST_FOR_HIPPYNN = 3000


def systems(quick: bool) -> list[Atoms]:
    """Molecules of 9 and 22 atoms, and boxes of water."""
    dipeptide = read(DIPEPTIDE)
    dipeptide.set_cell(None)
    dipeptide.pbc = False
    edges = (4, 10) if quick else (4, 6, 10, 19)
    return [molecule("CH3CH2OH"), dipeptide, *(water_box(n, n, n) for n in edges)]


class Case:
    """One system, stepped by each force, and its kernel on pairs that are given."""

    def __init__(self, model: Path, atoms: Atoms):
        self.atoms = atoms
        self.potential, _ = load_exported(model)
        i, j, shifts = neighbour_pairs(
            atoms.positions, atoms.cell.array, atoms.pbc, self.potential.cutoff
        )
        vectors = atoms.positions[j] + shifts - atoms.positions[i]
        species = torch.tensor([SPECIES.index(number) for number in atoms.numbers])
        self.pairs = (
            species,
            torch.from_numpy(i),
            torch.from_numpy(j),
            torch.from_numpy(vectors).float(),
        )
        self.contexts = {
            name: context(atoms, create_force(model, atoms.numbers, None, self.periodic, kind))
            for name, kind in (("TorchForce", "torch"), ("PythonForce", "python"))
        }

    @property
    def periodic(self) -> bool:
        return bool(self.atoms.pbc.all())

    def kernel(self):
        """Energies and pair gradients, nothing around them."""
        return self.potential.energies_and_pair_gradients(*self.pairs)

    def add_hippynn(self, peer: Peer) -> None:
        """hippynn's own network behind a PythonForce, its neighbours found anew each step."""
        force = hippynn_force(peer, self.atoms.numbers, self.periodic, self.potential.cutoff)
        self.contexts["hippynn"] = context(self.atoms, force)

    def measure(self, repeats: int) -> dict:
        """Seconds a step of each force, of the kernel, and of a neighbour search."""
        sides = {"kernel": self.kernel}
        for name, each in self.contexts.items():
            sides[name] = lambda each=each: each.getIntegrator().step(1)
        times = alternate(sides, repeats, 0.5)
        times |= self.neighbours(repeats)
        return {"n_atoms": len(self.atoms), "seconds": times}

    def neighbours(self, repeats: int) -> dict:
        """A list that is kept, and one that is made anew."""
        search = torch.classes.hipnn_ts.Neighbours(self.potential.cutoff)
        box = torch.from_numpy(self.atoms.cell.array) if self.periodic else None
        kept = torch.from_numpy(self.atoms.positions)
        moved = kept.clone()

        def anew():
            moved[0, 0] += 0.6
            search.pairs(moved, box)

        sides = {"list kept": lambda: search.pairs(kept, box), "list anew": anew}
        return alternate(sides, repeats, 0.2)


def steps_between_searches(model: Path, steps: int) -> float:
    """Of 216 waters at 300 K, 0.5 fs a step: a second list follows the same positions."""
    atoms = thermal_water()
    potential, _ = load_exported(model)
    search = torch.classes.hipnn_ts.Neighbours(potential.cutoff)
    moving = context(
        atoms, create_force(model, atoms.numbers, None, True), VerletIntegrator(0.0005)
    )
    moving.setVelocities(atoms.get_velocities() * units.fs * 100)  # Å/fs to nm/ps
    box = torch.from_numpy(atoms.cell.array)
    for _ in range(steps):
        moving.getIntegrator().step(1)
        r = moving.getState(positions=True).getPositions(asNumpy=True)
        search.pairs(torch.from_numpy(r.value_in_unit(unit.angstrom)), box)
    return steps / search.searches()


def torchani(python: str | None, cases: list[Atoms], folder: Path) -> tuple[dict, str | None]:
    """Seconds a step by number of atoms; or none, and why."""
    if python is None:
        return {}, "no --torchani-python given"
    if not Path(python).is_file():
        return {}, f"{python}: no such interpreter; make bench-openmm sets one up"
    write(folder / "systems.extxyz", cases)
    script = Path(__file__).with_name("torchani_steps.py")
    command = [python, str(script), str(folder / "systems.extxyz")]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        return {}, (run.stderr.strip().splitlines() or ["no message"])[-1]
    return json.loads(run.stdout.splitlines()[-1]), None


def checks_of(rows: dict, interval: float, drift: tuple | None, no_torchani: str | None) -> list:
    """The bars."""
    small, large = rows["22"]["seconds"], rows["3000"]["seconds"]
    search = large["list anew"]["median"] - large["list kept"]["median"]
    whole = large["TorchForce"]["median"] + search / interval
    step = small["TorchForce"]["median"]
    reasons = {"TorchANI": no_torchani, "hippynn": None}
    return [
        Check(name="22 atoms, TorchForce, ms a step", value=1e3 * step, limit=0.5, better="lower"),
        Check(
            name="3,000 atoms, TorchForce, step with its share of searches, times the kernel",
            value=whole / large["kernel"]["median"],
            limit=1.15,
            better="lower",
        ),
        drift_of("22 atoms, 200 ps at 0.5 fs, float32", drift, "not run with --quick"),
        *(
            Check(
                name=f"22 atoms, times {peer}",
                value=None if reason else small[peer]["median"] / step,
                limit=1.0,
                better="higher",
                reason=reason,
            )
            for peer, reason in reasons.items()
        ),
    ]


@click.command()
@click.option("--quick", is_flag=True, help="Fewer sizes and repeats; no 200 ps.")
@click.option("--torchani-python", help="Interpreter that can import torchani.")
def main(quick: bool, torchani_python: str | None) -> None:
    """Measure, print a table, write benchmarks/results/openmm.json."""
    use_kernel("numba")
    atoms = systems(quick)
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        model = export_published(Path(folder))
        peer = Peer(2, 128)
        peer.load_published(published_file())
        for each in atoms:
            print(f"{len(each)} atoms: kernel, forces and neighbour search ...", flush=True)
            case = Case(model, each)
            if len(each) <= (200 if quick else LARGEST_FOR_HIPPYNN):
                case.add_hippynn(peer)
            rows[str(len(each))] = case.measure(1 if quick else 5)
        print("216 waters at 300 K: steps between searches ...", flush=True)
        interval = steps_between_searches(model, 100 if quick else 1000)
        print("TorchANI in its own interpreter ...", flush=True)
        few = [each for each in atoms if len(each) <= 200] if quick else atoms
        theirs, no_torchani = torchani(torchani_python, few, Path(folder))
        for n_atoms, times in theirs.items():
            rows[n_atoms]["seconds"]["TorchANI"] = times
        drift = None
        if not quick:
            print("22 atoms: 200 ps of NVE ...", flush=True)
            force = create_force(model, atoms[1].numbers, None, False, "torch")
            drift = nve_drift(atoms[1], force, picoseconds=200)
    names = ["kernel", "TorchForce", "PythonForce", "list anew", "hippynn", "TorchANI"]
    print(f"{'ms':>8}" + "".join(f"{name:>13}" for name in names))
    for n_atoms, row in rows.items():
        times = [row["seconds"].get(name, {}).get("median", np.nan) for name in names]
        print(f"{n_atoms:>8}" + "".join(f"{1e3 * t:>13.3f}" for t in times))
    print(f"a neighbour search every {interval:.0f} steps")
    checks = checks_of(rows, interval, drift, no_torchani)
    figures = {
        "threads": torch.get_num_threads(),
        "step_ps": STILL,
        "steps_between_searches": interval,
        "nve_22_atoms_drift_and_error_uev_per_atom_ps": drift,
        "systems": rows,
    }
    write_report(ROOT / "benchmarks" / "results" / "openmm.json", figures, checks)
    for check in checks:
        verdict = {True: "ok", False: "NOT REACHED", None: "not judged"}[check.passed]
        print(f"{verdict}: {check.name}: {check.reason or f'{check.value:.3f}'}")


if __name__ == "__main__":
    main()
