"""Overhead of i-PI's steps, and TorchSim's batches beside ASE with one molecule at a time.

i-PI: how much longer than the runtime's own calls a step takes, with 648 atoms of water, eight
beads, one thread, and random weights (64 features, a cutoff of 5 Å, float32); the sides alternate.
TorchSim: relaxation and dynamics of a hundred molecules in float64, by a model that is trained once
for some minutes on examples/reference_data and kept in accuracy/reach. Needs i-PI and TorchSim.
"""

from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torch_sim as ts
from ase import Atoms, units
from ase.build import molecule
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from ase.optimize import FIRE

from benchmarks.accuracy.runs import train_ours
from benchmarks.accuracy.spawned import spawned
from benchmarks.command import Findings, benchmark
from benchmarks.models import random_model
from benchmarks.report import ROOT, Check, at_least, at_most
from benchmarks.speed import reach_ipi
from benchmarks.speed.timing import seconds
from benchmarks.water import water_cube
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.export import export_potential
from hipnn_ts.torchsim import HIPNNTSModel
from hipnn_ts.training.config import parse_config

DATA = ROOT / "examples" / "reference_data" / "molecules.extxyz.xz"
MOLECULES = ("H2O", "NH3", "CH4", "CH3OH", "H2CO", "C2H6", "H3CNH2", "HCN", "CH3CH2OH", "C6H6")
RATTLE = 0.05  # Å
FORCES = 0.02  # eV/Å: relaxed if no force is larger
TEMPERATURE, TIMESTEP = 300, 0.5  # K, fs


def trained_model(folder: Path, minutes: float) -> Path:
    """Train a model of molecules, unless that is done, and export it in float64."""
    content = {
        "network": {"n_features": [32, 32], "n_atom_layers": 2, "soft_max": 4.5, "cutoff": 5.0},
        "data": {"train": [str(DATA)], "validation": 0.1, "group_by": "trajectory"},
        "training": {"max_minutes": minutes},
    }
    potential, _ = train_ours(parse_config(content, "reach.py"), folder)
    export_potential(potential, folder / "model.pt", {}, dtype=torch.float64)
    return folder / "model.pt"


def molecules(count: int) -> list[Atoms]:
    """``count`` rattled molecules of ten kinds in turn."""
    found = []
    for k in range(count):
        atoms = molecule(MOLECULES[k % len(MOLECULES)])
        atoms.rattle(RATTLE, seed=k)
        found.append(atoms)
    return found


def copies(start: list[Atoms], path: str) -> list[Atoms]:
    """Copies of the molecules for ASE, whose calculator has the exported file at ``path``."""
    calculator = HIPNNTSCalculator(path, beyond_training="ignore")
    own = [atoms.copy() for atoms in start]
    for atoms in own:
        atoms.calc = calculator
    return own


def beside(together: Callable[[], np.ndarray], singly: Callable[[], np.ndarray]) -> dict:
    """Seconds of both sides, and the largest difference of their results."""
    found = {}
    return {
        "together_s": seconds(lambda: found.update(ours=together())),
        "singly_s": seconds(lambda: found.update(theirs=singly())),
        "largest_difference": float(np.abs(found["ours"] - found["theirs"]).max()),
    }


def relaxation(path: str, count: int, steps: int) -> dict:
    """Relax molecules by ASE's kind of FIRE; the results are energies in meV."""
    start, model = molecules(count), HIPNNTSModel(path, beyond_training="ignore")
    own = copies(start, path)

    def together() -> np.ndarray:
        converged = ts.generate_force_convergence_fn(FORCES, include_cell_forces=False)
        final = ts.optimize(
            start,
            model,
            optimizer=ts.optimizers.fire,
            md_flavor="ase_fire",
            convergence_fn=converged,
            max_steps=steps,
            steps_between_swaps=1,
        )
        return 1e3 * final.energy.numpy()

    def singly() -> np.ndarray:
        energies = []
        for atoms in own:
            FIRE(atoms, logfile=None).run(FORCES, steps)
            energies.append(atoms.get_potential_energy())
        return 1e3 * np.array(energies)

    return beside(together, singly)


def dynamics(path: str, count: int, steps: int) -> dict:
    """Run NVE from the same velocities; the results are positions in Å."""
    start, model = molecules(count), HIPNNTSModel(path, beyond_training="ignore")
    for k, atoms in enumerate(start):
        MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE, rng=np.random.default_rng(k))
    own = copies(start, path)
    momenta = torch.from_numpy(np.concatenate([atoms.get_momenta() for atoms in start]))
    kT, dt = torch.tensor([units.kB * TEMPERATURE, TIMESTEP * units.fs], dtype=torch.float64)  # noqa: N806

    def together() -> np.ndarray:
        state = ts.initialize_state(start, model.device, model.dtype)
        prepare, step = ts.nve(model, kT=kT, dt=dt)
        moving = prepare(state)
        moving.momenta = momenta.clone()
        for _ in range(steps):
            moving = step(moving)
        return moving.positions.numpy()

    def singly() -> np.ndarray:
        for atoms in own:
            VelocityVerlet(atoms, TIMESTEP * units.fs).run(steps)
        return np.concatenate([atoms.positions for atoms in own])

    return beside(together, singly)


WORK = {  # most steps; largest difference from ASE that is allowed, and its unit
    "relaxation": (relaxation, 300, 1.0, "meV"),
    "dynamics": (dynamics, 200, 1e-6, "Å"),
}


def checks_of(ipi: dict, works: dict[str, dict]) -> list[Check]:
    """Compare the overhead, the differences and the speed with the bars."""
    of = f"i-PI, {ipi['n_atoms']} atoms and {ipi['beads']} beads"
    checks = [
        at_most(f"{of}, {side}: step over the kernels, parts of them", row["over_kernels"], 0.1)
        for side, row in ipi["sides"].items()
        if side.startswith("ours")
    ]
    for work, row in works.items():
        of, (_, _, limit, unit) = f"TorchSim, {work} of {row['molecules']} molecules", WORK[work]
        differs = f"{of}: largest difference from ASE one by one, {unit}"
        faster = row["singly_s"] / row["together_s"]
        checks += [
            at_most(differs, row["largest_difference"], limit),
            at_least(f"{of}: times as fast as ASE one by one", faster, 1.0),
        ]
    return checks


QUICK = {"rounds": 1, "steps": 8, "count": 10, "atoms": 81, "minutes": 0.1}


@benchmark("reach", **QUICK, folder="build/quick/reach")
def main(
    scratch: Path, rounds=3, steps=40, count=100, atoms=648, minutes=3.0, folder="accuracy/reach"
) -> Findings:
    """``steps`` and ``atoms`` are for i-PI, ``count`` molecules for TorchSim."""
    ipi = reach_ipi.measure(random_model(scratch / "model.pt"), water_cube(atoms), steps, rounds)
    model, works = trained_model(ROOT / folder, minutes), {}
    for work, (function, most, _, _) in WORK.items():
        runs = [spawned(function, str(model), count, most) for _ in range(rounds)]
        works[work] = {
            "molecules": count,
            "steps": most,
            **{key: median(run[key] for run in runs) for key in ("together_s", "singly_s")},
            "largest_difference": max(run["largest_difference"] for run in runs),
            "raw": runs,
        }
    return {"ipi": ipi, "torchsim": works}, checks_of(ipi, works)


if __name__ == "__main__":
    main()
