"""A hundred molecules in TorchSim beside ASE one by one, for reach.py.

    python -m benchmarks.speed.reach_torchsim WORK MODEL N_MOLECULES STEPS

prints JSON. WORK is relaxation or dynamics; the same start, algorithm and time step on both sides,
in double precision.
"""

import json
import sys
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch_sim as ts
from ase import Atoms, units
from ase.build import molecule
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from ase.optimize import FIRE

from benchmarks.speed.timing import seconds
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


def beside(together: Callable[[], np.ndarray], singly: Callable[[], np.ndarray]) -> dict:
    """Seconds of both, and the largest difference of what they found."""
    found = {}
    return {
        "together_s": seconds(lambda: found.update(ours=together())),
        "singly_s": seconds(lambda: found.update(theirs=singly())),
        "largest_difference": float(np.abs(found["ours"] - found["theirs"]).max()),
    }


def relaxation(model: HIPNNTSModel, calculator: HIPNNTSCalculator, start: list, steps: int) -> dict:
    """By FIRE, as ASE has it; energies in meV."""

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
        for atoms in _own(start, calculator):
            FIRE(atoms, logfile=None).run(FORCES, steps)
            energies.append(atoms.get_potential_energy())
        return 1e3 * np.array(energies)

    return beside(together, singly)


def dynamics(model: HIPNNTSModel, calculator: HIPNNTSCalculator, start: list, steps: int) -> dict:
    """NVE from the same velocities; positions in Å."""
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
        for atoms in _own(start, calculator):
            VelocityVerlet(atoms, TIMESTEP * units.fs).run(steps)
            positions.append(atoms.positions)
        return np.concatenate(positions)

    return beside(together, singly)


def _own(start: list[Atoms], calculator: HIPNNTSCalculator) -> Iterator[Atoms]:
    """Copies that the calculator moves."""
    for atoms in start:
        own = atoms.copy()
        own.calc = calculator
        yield own


if __name__ == "__main__":
    work, path, count, n_steps = sys.argv[1:]
    done = {"relaxation": relaxation, "dynamics": dynamics}[work](
        HIPNNTSModel(path, beyond_training="ignore"),
        HIPNNTSCalculator(path, beyond_training="ignore"),
        molecules(int(count)),
        int(n_steps),
    )
    print(json.dumps(done))
