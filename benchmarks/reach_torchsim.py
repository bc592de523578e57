"""A hundred molecules in TorchSim beside ASE one by one, for reach.py.

python reach_torchsim.py WORK MODEL N_MOLECULES STEPS prints JSON. WORK is relaxation or dynamics;
the same start, algorithm and time step on both sides, in double precision.
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
import torch_sim as ts
from ase import Atoms, units
from ase.build import molecule
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from ase.optimize import FIRE

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.torchsim import HIPNNTSModel

MOLECULES = ("H2O", "NH3", "CH4", "CH3OH", "H2CO", "C2H6", "H3CNH2", "HCN", "CH3CH2OH", "C6H6")
RATTLE = 0.05  # Å
FORCES = 0.02  # eV/Å: relaxed
TEMPERATURE, TIMESTEP = 300, 0.5  # K, fs


def molecules(count: int) -> list[Atoms]:
    """Of ten kinds in turn, rattled."""
    found = []
    for k in range(count):
        atoms = molecule(MOLECULES[k % len(MOLECULES)])
        atoms.rattle(RATTLE, seed=k)
        found.append(atoms)
    return found


def timed(work: Callable[[], object]) -> tuple[float, object]:
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def relaxation(model: HIPNNTSModel, calculator: HIPNNTSCalculator, start: list, steps: int) -> dict:
    """By FIRE, as ASE has it."""

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
        return final.energy.numpy()

    def singly() -> np.ndarray:
        energies = []
        for atoms in start:
            own = atoms.copy()
            own.calc = calculator
            FIRE(own, logfile=None).run(FORCES, steps)
            energies.append(own.get_potential_energy())
        return np.array(energies)

    together_s, ours = timed(together)
    singly_s, theirs = timed(singly)
    return {
        "together_s": together_s,
        "singly_s": singly_s,
        "largest_difference": float(1e3 * np.abs(ours - theirs).max()),  # meV
    }


def dynamics(model: HIPNNTSModel, calculator: HIPNNTSCalculator, start: list, steps: int) -> dict:
    """NVE from the same velocities."""
    for k, atoms in enumerate(start):
        MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE, rng=np.random.default_rng(k))
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
        positions = []
        for atoms in start:
            own = atoms.copy()
            own.calc = calculator
            VelocityVerlet(own, TIMESTEP * units.fs).run(steps)
            positions.append(own.positions)
        return np.concatenate(positions)

    together_s, ours = timed(together)
    singly_s, theirs = timed(singly)
    return {
        "together_s": together_s,
        "singly_s": singly_s,
        "largest_difference": float(np.abs(ours - theirs).max()),  # Å
    }


if __name__ == "__main__":
    work, path, count, n_steps = sys.argv[1:]
    done = {"relaxation": relaxation, "dynamics": dynamics}[work](
        HIPNNTSModel(path, beyond_training="ignore"),
        HIPNNTSCalculator(path, beyond_training="ignore"),
        molecules(int(count)),
        int(n_steps),
    )
    print(json.dumps(done))
