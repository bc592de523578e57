"""Steps through ASE beside LAMMPS's, small systems, and many structures in one call.

    python -m benchmarks.speed.ase_steps [--quick]

Random weights of 64 features within 5 Å, float32: what is measured does not depend on them. Whole
steps of velocity Verlet in both programs, on one thread, in turn.
"""

import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import write

from benchmarks.command import benchmark
from benchmarks.lammps import dynamics, hipnn, run, steps
from benchmarks.models import random_model
from benchmarks.report import Check, at_least, at_most
from benchmarks.speed.ase_worker import TIMESTEP
from benchmarks.speed.timing import asked, in_turn, medians
from benchmarks.water import water_box, write_data

BOXES = {768: (8, 8, 4), 3072: (16, 8, 8)}


def write_files(folder: Path, n_molecules: int) -> None:
    """The model, boxes of water, nine atoms, and molecules: clusters of three to ten waters."""
    random_model(folder / "model.pt")
    for n_atoms, box in BOXES.items():
        atoms = water_box(*box)
        write_data(folder / f"{n_atoms}.data", atoms)
        write(folder / f"{n_atoms}.xyz", atoms)
    random = np.random.default_rng(0)
    molecules = []
    for seed in range(n_molecules):
        cluster = water_box(3, 2, 2, seed)[: 3 * random.integers(3, 11)]
        molecules.append(Atoms(cluster.numbers, cluster.positions))
    write(folder / "molecules.xyz", molecules)
    write(folder / "nine.xyz", molecules[0][:9])


def worker(folder: Path, work: str, name: str, repeats: int, threads: int = 1) -> dict[str, float]:
    """What ase_worker.py finds."""
    files = folder / "model.pt", folder / name
    return asked("benchmarks.speed.ase_worker", work, *files, repeats, threads=threads)


def beside_lammps(folder: Path, n_atoms: int, rounds: int, n_steps: int) -> dict[str, object]:
    """Microseconds an atom-step of both, in turn; their medians."""
    script = dynamics(hipnn("model.pt"), f"read_data {n_atoms}.data", TIMESTEP) + steps(n_steps, 3)

    def ase() -> float:
        return 1e6 * worker(folder, "steps", f"{n_atoms}.xyz", n_steps)["step_s"] / n_atoms

    raw = in_turn({"ase": ase, "lammps": lambda: run(script, folder).microseconds}, rounds)
    row = medians(raw)
    print(f"{n_atoms} atoms: ASE {row['ase']:.2f}, LAMMPS {row['lammps']:.2f} µs/atom", flush=True)
    return {"raw": raw, **row}


@benchmark("ase_steps", quick="Fewer rounds, steps and molecules.")
def main(quick: bool) -> tuple[dict, list[Check]]:
    """Measure and judge."""
    rounds, n_steps, repeats, n_molecules = (1, 5, 2, 50) if quick else (5, 60, 10, 1000)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_files(folder, n_molecules)
        rows = {n_atoms: beside_lammps(folder, n_atoms, rounds, n_steps) for n_atoms in BOXES}
        nine = worker(folder, "call", "nine.xyz", repeats)
        batch = worker(folder, "batch", "molecules.xyz", repeats, threads=2)
    for name, value in (nine | batch).items():
        print(f"{name:30}{value:12.4g}")
    molecules = "molecules of 9 to 30 atoms in one call on two threads, times single calls"
    own = nine["call_ms"] - nine["of_it_ase_ms"]
    return {
        "us_an_atom_step": {str(n_atoms): row for n_atoms, row in rows.items()},
        "nine_atoms": nine,
        "batch": {"molecules": n_molecules, **batch},
    }, [
        *(
            at_most(
                f"{n_atoms} atoms, step through ASE, times LAMMPS's",
                row["ase"] / row["lammps"],
                1.15,
            )
            for n_atoms, row in rows.items()
        ),
        at_most("call of 9 atoms without ASE's own share, ms", own, 0.2),
        at_least(molecules, batch["singly_s"] / batch["together_s"], 3.0),
        at_most("molecules with other forces in one call", batch["structures_with_other_bits"], 0),
        at_most("memory of the process, MB", nine["process_MB"], 150),
    ]


if __name__ == "__main__":
    main()
