"""Time steps in OpenMM: the published ANI-1x potential in each of our forces, beside peers.

The steps are so short that atoms do not move, so that no step has a neighbour search; searches are
timed apart, and their share follows from how often a simulation of water at 300 K makes one. The
sides alternate; medians, and the energy drift of 22 atoms, are judged. Needs the published
potential. TorchANI, one network of ANI-1x's shape with random weights, runs in an interpreter of
its own, which `make bench-openmm` sets up.
"""

import sys
import sysconfig
from functools import partial
from pathlib import Path

import openmm
import torch
from ase import Atoms
from ase.build import molecule
from ase.io import read
from openmm import unit

from benchmarks.accuracy.spawned import spawned
from benchmarks.blocks import drift_check
from benchmarks.command import Findings, benchmark
from benchmarks.models import export_published
from benchmarks.openmm_contexts import STILL, context, nve_drift, python_force
from benchmarks.report import ROOT, at_least, at_most
from benchmarks.speed.hippynn_peer import Pairs, Peer, use_kernel
from benchmarks.speed.peer_torch import torchani_model, torchani_step
from benchmarks.speed.timing import alternate
from benchmarks.water import thermal_water, water_cube
from hipnn_ts.export import load_exported
from hipnn_ts.openmm import create_force
from hipnn_ts.selftest.openmm import moving

DIPEPTIDE = ROOT / "examples" / "openmm" / "alanine_dipeptide.pdb"
SIZES = (192, 648, 3000, 20577)  # atoms of water


def dipeptide() -> Atoms:
    """Alanine dipeptide: 22 atoms without a cell."""
    atoms = read(DIPEPTIDE)
    atoms.set_cell(None)
    atoms.pbc = False
    return atoms


def measure(model: Path, atoms: Atoms, peer: Peer | None, repeats: int) -> dict:
    """Seconds per step with each force, per kernel call, and per neighbour search."""
    print(f"{len(atoms)} atoms ...", flush=True)
    periodic = bool(atoms.pbc.all())
    potential, _ = load_exported(model)
    pairs = Pairs(atoms, potential.cutoff)
    forces = {
        "TorchForce": create_force(model, atoms.numbers, None, periodic, "torch"),
        "PythonForce": create_force(model, atoms.numbers, None, periodic, "python"),
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
    """hippynn's network with a new neighbour list in each step."""

    def compute(positions, cell):
        moved = atoms.copy()
        moved.positions = positions
        return peer.step(*Pairs(moved, cutoff).theirs)

    return python_force(compute, bool(atoms.pbc.all()))


def torchani_force(atoms: Atoms) -> openmm.PythonForce:
    """TorchANI's network, which searches for neighbours itself."""
    step = torchani_step(torchani_model(len(atoms)), atoms)

    def compute(positions, cell):
        box = None if cell is None else torch.from_numpy(cell.copy()).float()
        return step(torch.from_numpy(positions).float(), box)

    return python_force(compute, bool(atoms.pbc.all()))


def torchani_seconds(cases: list[Atoms]) -> dict[str, dict]:
    """Seconds per step by number of atoms; runs in the interpreter that has torchani."""
    sys.path.insert(0, sysconfig.get_path("purelib"))  # a spawned process has its parent's path
    times = {}
    for atoms in cases:
        made = context(atoms, torchani_force(atoms))
        step = partial(made.getIntegrator().step, 1)
        times[str(len(atoms))] = alternate({"TorchANI": step}, 5, 0.5)["TorchANI"]
    return times


def torchani(cases: list[Atoms]) -> tuple[dict, str | None]:
    """Run `torchani_seconds` in TorchANI's interpreter; no times and the reason if that fails."""
    python = f"{sys.prefix}-torchani/bin/python"
    if not Path(python).is_file():
        return {}, f"no {python}: make bench-openmm sets it up"
    try:
        return spawned(torchani_seconds, cases, python=python), None
    except Exception as failure:
        return {}, str(failure)


def neighbour_searches(atoms: Atoms, cutoff: float) -> dict:
    """Calls that keep the neighbour list, and that rebuild it because an atom moved."""
    search = torch.classes.hipnn_ts.Neighbours(cutoff)
    box = torch.from_numpy(atoms.cell.array) if atoms.pbc.all() else None
    kept = torch.from_numpy(atoms.positions)
    moved = kept.clone()

    def anew():
        moved[0, 0] += 0.6
        search.pairs(moved, box)

    return {"list kept": lambda: search.pairs(kept, box), "list anew": anew}


def steps_between_searches(model: Path, steps: int) -> float:
    """Steps of 0.5 fs per neighbour search, counted by a list that follows 216 waters at 300 K."""
    atoms = thermal_water()
    potential, _ = load_exported(model)
    search = torch.classes.hipnn_ts.Neighbours(potential.cutoff)
    simulation = moving("CPU", model, atoms, 0.5)
    box = torch.from_numpy(atoms.cell.array)
    for _ in range(steps):
        simulation.getIntegrator().step(1)
        positions = simulation.getState(positions=True).getPositions(asNumpy=True)
        search.pairs(torch.from_numpy(positions.value_in_unit(unit.angstrom)), box)
    return steps / search.searches()


def checks_of(rows: dict, interval: float, drift: tuple | None, no_torchani: str | None) -> list:
    """Compare the medians, and the drift of 22 atoms, with the bars."""
    small, large = (
        {side: times["median"] for side, times in rows[n]["seconds"].items()}
        for n in ("22", "3000")
    )
    whole = large["TorchForce"] + (large["list anew"] - large["list kept"]) / interval
    step = small["TorchForce"]
    times_torchani = None if no_torchani else small["TorchANI"] / step
    kernel = "3,000 atoms, TorchForce, step with its share of searches, times the kernel"
    return [
        at_most("22 atoms, TorchForce, ms a step", 1e3 * step, 0.5),
        at_most(kernel, whole / large["kernel"], 1.15),
        drift_check("22 atoms, 200 ps at 0.5 fs, float32", drift, "not run with --quick"),
        at_least("22 atoms, times TorchANI", times_torchani, 1.0, no_torchani),
        at_least("22 atoms, times hippynn", small["hippynn"] / step, 1.0),
    ]


@benchmark("openmm", largest=3000, with_hippynn=200, repeats=1, n_steps=100, picoseconds=0)
def main(
    scratch: Path, largest=20577, with_hippynn=3000, repeats=5, n_steps=1000, picoseconds=200
) -> Findings:
    """Measure systems of up to ``largest`` atoms; hippynn, which takes a second and much memory for
    1,000 atoms (180 numbers a pair), only those of up to ``with_hippynn``."""
    use_kernel("numba")
    peer, drift = Peer(2, 128), None
    cases = [molecule("CH3CH2OH"), dipeptide(), *map(water_cube, SIZES)]
    cases = [atoms for atoms in cases if len(atoms) <= largest]
    model = export_published(scratch)
    peer.load_published()
    rows = {}
    for atoms in cases:
        beside = peer if len(atoms) <= with_hippynn else None
        rows[str(len(atoms))] = measure(model, atoms, beside, repeats)
    interval = steps_between_searches(model, n_steps)
    if picoseconds:
        force = create_force(model, dipeptide().numbers, None, False, "torch")
        drift = nve_drift(dipeptide(), force, picoseconds)
    theirs, no_torchani = torchani(cases)
    for n_atoms, times in theirs.items():
        rows[n_atoms]["seconds"]["TorchANI"] = times
    return {
        "threads": torch.get_num_threads(),
        "step_ps": STILL,
        "steps_between_searches": interval,
        "nve_22_atoms_drift_and_error_uev_per_atom_ps": drift,
        "systems": rows,
    }, checks_of(rows, interval, drift, no_torchani)


if __name__ == "__main__":
    main()
