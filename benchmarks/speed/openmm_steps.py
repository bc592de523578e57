"""Steps in OpenMM, by the published ANI-1x potential behind each of our forces, beside peers.

    python -m benchmarks.speed.openmm_steps [--quick] [--torchani-python PYTHON]

Steps are so short that the atoms stay: what is timed is a step between neighbour searches; searches
are timed apart, and their share follows from how often a simulation of water at 300 K makes one.
TorchANI runs in an interpreter of its own, which `make bench-openmm` sets up: one network of the
shape of ANI-1x with random weights.
"""

import tempfile
from functools import partial
from pathlib import Path

import click
import numpy as np
import openmm
import torch
from ase import Atoms
from ase.build import molecule
from ase.io import read, write
from openmm import VerletIntegrator, unit

from benchmarks.blocks import drift_of
from benchmarks.command import benchmark
from benchmarks.models import export_published, published_file
from benchmarks.openmm_contexts import STILL, context, nve_drift, python_force, velocities_of
from benchmarks.report import ROOT, Check, at_least, at_most
from benchmarks.speed.hippynn_peer import Pairs, Peer, use_kernel
from benchmarks.speed.timing import alternate, asked
from benchmarks.water import thermal_water, water_box
from hipnn_ts.export import load_exported
from hipnn_ts.openmm import create_force

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


def periodic(atoms: Atoms) -> bool:
    return bool(atoms.pbc.all())


def measure(model: Path, atoms: Atoms, peer: Peer | None, repeats: int) -> dict:
    """Seconds a step of each force, of the kernel on given pairs, and of a neighbour search."""
    print(f"{len(atoms)} atoms: kernel, forces and neighbour search ...", flush=True)
    potential, _ = load_exported(model)
    pairs = Pairs(atoms, potential.cutoff)
    forces = {
        name: create_force(model, atoms.numbers, None, periodic(atoms), kind)
        for name, kind in (("TorchForce", "torch"), ("PythonForce", "python"))
    }
    if peer is not None:
        forces["hippynn"] = hippynn_force(peer, atoms, potential.cutoff)
    contexts = {name: context(atoms, force) for name, force in forces.items()}
    sides = {"kernel": lambda: potential.energies_and_pair_gradients(*pairs.ours)} | {
        name: partial(each.getIntegrator().step, 1) for name, each in contexts.items()
    }
    searches = neighbour_searches(atoms, potential.cutoff)
    seconds = alternate(sides, repeats, 0.5) | alternate(searches, repeats, 0.2)
    return {"n_atoms": len(atoms), "seconds": seconds}


def hippynn_force(peer: Peer, atoms: Atoms, cutoff: float) -> openmm.PythonForce:
    """hippynn's network on pairs that are found anew each step."""

    def compute(positions, cell):
        box = np.zeros((3, 3)) if cell is None else cell
        moved = Atoms(atoms.numbers, positions, cell=box, pbc=periodic(atoms))
        energy, forces = peer.step(*Pairs(moved, cutoff).theirs)
        return energy.item(), forces.double().numpy()

    return python_force(compute, periodic(atoms))


def neighbour_searches(atoms: Atoms, cutoff: float) -> dict:
    """A list that is kept, and one that is made anew."""
    search = torch.classes.hipnn_ts.Neighbours(cutoff)
    box = torch.from_numpy(atoms.cell.array) if periodic(atoms) else None
    kept = torch.from_numpy(atoms.positions)
    moved = kept.clone()

    def anew():
        moved[0, 0] += 0.6
        search.pairs(moved, box)

    return {"list kept": lambda: search.pairs(kept, box), "list anew": anew}


def steps_between_searches(model: Path, steps: int) -> float:
    """Of 216 waters at 300 K, 0.5 fs a step: a second list follows the same positions."""
    atoms = thermal_water()
    potential, _ = load_exported(model)
    search = torch.classes.hipnn_ts.Neighbours(potential.cutoff)
    force = create_force(model, atoms.numbers, None, True)
    moving = context(atoms, force, integrator=VerletIntegrator(0.0005))
    moving.setVelocities(velocities_of(atoms))
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
    module = "benchmarks.speed.torchani_steps"
    try:
        return asked(module, folder / "systems.extxyz", python=python, threads=None), None
    except SystemExit as failure:
        return {}, str(failure).strip().splitlines()[-1]


def checks_of(rows: dict, interval: float, drift: tuple | None, no_torchani: str | None) -> list:
    """The bars."""
    small, large = rows["22"]["seconds"], rows["3000"]["seconds"]
    search = large["list anew"]["median"] - large["list kept"]["median"]
    whole = large["TorchForce"]["median"] + search / interval
    step = small["TorchForce"]["median"]
    reasons = {"TorchANI": no_torchani, "hippynn": None}
    return [
        at_most("22 atoms, TorchForce, ms a step", 1e3 * step, 0.5),
        at_most(
            "3,000 atoms, TorchForce, step with its share of searches, times the kernel",
            whole / large["kernel"]["median"],
            1.15,
        ),
        drift_of("22 atoms, 200 ps at 0.5 fs, float32", drift, "not run with --quick"),
        *(
            at_least(
                f"22 atoms, times {peer}",
                None if reason else small[peer]["median"] / step,
                1.0,
                reason,
            )
            for peer, reason in reasons.items()
        ),
    ]


@benchmark("openmm", quick="Fewer sizes and repeats; no 200 ps.")
@click.option("--torchani-python", help="Interpreter that can import torchani.")
def main(quick: bool, torchani_python: str | None) -> tuple[dict, list[Check]]:
    """Measure and judge."""
    use_kernel("numba")
    atoms = systems(quick)
    few = [each for each in atoms if len(each) <= (200 if quick else LARGEST_FOR_HIPPYNN)]
    peer, drift = Peer(2, 128), None
    with tempfile.TemporaryDirectory() as name:
        model = export_published(Path(name))
        peer.load_published(published_file())
        rows = {
            str(len(each)): measure(model, each, peer if each in few else None, 1 if quick else 5)
            for each in atoms
        }
        print("216 waters at 300 K: steps between searches ...", flush=True)
        interval = steps_between_searches(model, 100 if quick else 1000)
        print("TorchANI in its own interpreter ...", flush=True)
        theirs, no_torchani = torchani(torchani_python, few if quick else atoms, Path(name))
        for n_atoms, times in theirs.items():
            rows[n_atoms]["seconds"]["TorchANI"] = times
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
    return {
        "threads": torch.get_num_threads(),
        "step_ps": STILL,
        "steps_between_searches": interval,
        "nve_22_atoms_drift_and_error_uev_per_atom_ps": drift,
        "systems": rows,
    }, checks_of(rows, interval, drift, no_torchani)


if __name__ == "__main__":
    main()
