"""i-PI's steps over the kernels, and TorchSim's batches beside ASE one by one.

i-PI: 648 atoms and eight beads, random weights of 64 features within 5 Å, float32, one thread: what
a step takes over the runtime's own calls. TorchSim: a hundred molecules of a model that is trained
for some minutes on examples/reference_data, once (accuracy/reach), in float64. Sides in turn.
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
FORCES = 0.02  # eV/Å: relaxed
TEMPERATURE, TIMESTEP = 300, 0.5  # K, fs


def trained_model(folder: Path, minutes: float) -> Path:
    """Of molecules, in double precision; trained where there is none yet."""
    content = {
        "network": {"n_features": [32, 32], "n_atom_layers": 2, "soft_max": 4.5, "cutoff": 5.0},
        "data": {"train": [str(DATA)], "validation": 0.1, "group_by": "trajectory"},
        "training": {"max_minutes": minutes},
    }
    potential, _ = train_ours(parse_config(content, "reach.py"), folder)
    export_potential(potential, folder / "model.pt", {}, dtype=torch.float64)
    return folder / "model.pt"


def molecules(count: int) -> list[Atoms]:
    """Of ten kinds in turn, rattled."""
    found = []
    for k in range(count):
        atoms = molecule(MOLECULES[k % len(MOLECULES)])
        atoms.rattle(RATTLE, seed=k)
        found.append(atoms)
    return found


def copies(start: list[Atoms], path: str) -> list[Atoms]:
    """That ASE moves by the exported file."""
    calculator = HIPNNTSCalculator(path, beyond_training="ignore")
    own = [atoms.copy() for atoms in start]
    for atoms in own:
        atoms.calc = calculator
    return own


def beside(together: Callable[[], np.ndarray], singly: Callable[[], np.ndarray]) -> dict:
    """Seconds of both, and the largest difference of what they found."""
    found = {}
    return {
        "together_s": seconds(lambda: found.update(ours=together())),
        "singly_s": seconds(lambda: found.update(theirs=singly())),
        "largest_difference": float(np.abs(found["ours"] - found["theirs"]).max()),
    }


def relaxation(path: str, count: int, steps: int) -> dict:
    """By FIRE, as ASE has it; energies in meV."""
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
    """NVE from the same velocities; positions in Å."""
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


WORK = {  # most steps; the largest difference from ASE one by one
    "relaxation": (relaxation, 300, 1.0, "meV"),
    "dynamics": (dynamics, 200, 1e-6, "Å"),
}


def checks_of(ipi: dict, works: dict[str, dict]) -> list[Check]:
    """The bars."""
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
    """Steps and atoms of i-PI, molecules of TorchSim."""
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
