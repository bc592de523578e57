"""Steps through ASE beside LAMMPS's, small systems, and many structures in one call.

    python benchmarks/ase_steps.py [--quick]

Random weights of 64 features within 5 Å, float32: what is measured does not depend on them. Whole
steps of velocity Verlet in both programs, on one thread, in turn. Writes
benchmarks/results/ase_steps.json.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import click
import numpy as np
import torch
from ase import Atoms
from ase.io import write
from ase_worker import TEMPERATURE, TIMESTEP
from lammps_runs import launch, parse
from water import water_box

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.export import export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

REPORT = Path(__file__).parent / "results" / "ase_steps.json"
WORKER = Path(__file__).with_name("ase_worker.py")
BOXES = {768: (8, 8, 4), 3072: (16, 8, 8)}
INPUT = """\
units metal
boundary p p p
atom_style atomic
read_data {data}
mass 1 1.008
mass 2 15.999
pair_style hipnn/ts
pair_coeff * * model.pt H O
velocity all create {temperature} 1
timestep {timestep}
fix 1 all nve
run 3
run {steps}
"""


def files(folder: Path, n_molecules: int) -> None:
    """The model, boxes of water, nine atoms, and molecules: clusters of three to ten waters."""
    torch.manual_seed(0)
    config = NetworkConfig(elements=["H", "O"], n_features=[64, 64], cutoff=5.0, soft_max=4.5)
    export_potential(Potential(config), folder / "model.pt", {})
    for n_atoms, box in BOXES.items():
        atoms = water_box(*box)
        data = {"format": "lammps-data", "specorder": ["H", "O"], "atom_style": "atomic"}
        write(folder / f"{n_atoms}.data", atoms, **data)
        write(folder / f"{n_atoms}.xyz", atoms)
    random = np.random.default_rng(0)
    molecules = []
    for seed in range(n_molecules):
        cluster = water_box(3, 2, 2, seed)[: 3 * random.integers(3, 11)]
        molecules.append(Atoms(cluster.numbers, cluster.positions))
    write(folder / "molecules.xyz", molecules)
    write(folder / "nine.xyz", molecules[0][:9])


def worker(folder: Path, work: str, path: str, repeats: int, threads: int) -> dict[str, float]:
    """What ase_worker.py finds."""
    command = [sys.executable, str(WORKER), work, "model.pt", path, str(repeats)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{run.stdout}{run.stderr}")
    return json.loads(run.stdout.splitlines()[-1])


def lammps_step(folder: Path, n_atoms: int, steps: int) -> float:
    """Seconds."""
    script = INPUT.format(
        data=f"{n_atoms}.data", temperature=TEMPERATURE, timestep=1e-3 * TIMESTEP, steps=steps
    )
    run = parse(launch(script, folder, 1, 1), 1, 1)
    return run.seconds / run.steps


def beside_lammps(folder: Path, n_atoms: int, rounds: int, steps: int) -> dict[str, object]:
    """Microseconds an atom-step of both, in turn; their medians."""
    raw: dict[str, list[float]] = {"ase": [], "lammps": []}
    for _ in range(rounds):
        found = worker(folder, "steps", f"{n_atoms}.xyz", steps, 1)["step_s"]
        raw["ase"].append(1e6 * found / n_atoms)
        raw["lammps"].append(1e6 * lammps_step(folder, n_atoms, steps) / n_atoms)
    return {"raw": raw, **{name: median(values) for name, values in raw.items()}}


def checks_of(rows: dict, nine: dict, batch: dict) -> list[Check]:
    """The bars."""
    return [
        *(
            Check(
                name=f"{n_atoms} atoms, step through ASE, times LAMMPS's",
                value=row["ase"] / row["lammps"],
                limit=1.15,
                better="lower",
            )
            for n_atoms, row in rows.items()
        ),
        Check(
            name="call of 9 atoms without ASE's own share, ms",
            value=nine["call_ms"] - nine["of_it_ase_ms"],
            limit=0.2,
            better="lower",
        ),
        Check(
            name="molecules of 9 to 30 atoms in one call on two threads, times single calls",
            value=batch["singly_s"] / batch["together_s"],
            limit=3.0,
            better="higher",
        ),
        Check(
            name="molecules with other forces in one call",
            value=batch["structures_with_other_bits"],
            limit=0,
            better="lower",
        ),
        Check(
            name="memory of the process, MB",
            value=nine["process_MB"],
            limit=150,
            better="lower",
        ),
    ]


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rounds, steps and molecules.")
@click.option("--output", default=REPORT, type=click.Path(path_type=Path), show_default=True)
def main(quick: bool, output: Path) -> None:
    """Measure, print, write the report."""
    rounds, steps, repeats, n_molecules = (1, 5, 2, 50) if quick else (5, 60, 10, 1000)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files(folder, n_molecules)
        rows = {n_atoms: beside_lammps(folder, n_atoms, rounds, steps) for n_atoms in BOXES}
        nine = worker(folder, "call", "nine.xyz", repeats, 1)
        batch = worker(folder, "batch", "molecules.xyz", repeats, 2)
    for n_atoms, row in rows.items():
        print(f"{n_atoms} atoms: ASE {row['ase']:.2f}, LAMMPS {row['lammps']:.2f} µs/atom")
    for figures in (nine, batch):
        for name, value in figures.items():
            print(f"{name:30}{value:12.4g}")
    checks = checks_of(rows, nine, batch)
    for check in checks:
        print(f"{check.name}: {check.value:.4g}, bar {check.limit:g}")
    figures = {
        "us_an_atom_step": {str(n_atoms): row for n_atoms, row in rows.items()},
        "nine_atoms": nine,
        "batch": {"molecules": n_molecules, **batch},
    }
    write_report(output, figures, checks)


if __name__ == "__main__":
    main()
