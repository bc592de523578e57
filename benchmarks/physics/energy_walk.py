"""Random walk of the energy that Verlet conserves, by time step and cusp regularisation.

324 atoms of water at 300 K in double precision, with a network with norms, exported with one cusp
regularisation after the other, and with one with polynomial invariants, which have no cusp. Both
are trained by the demo's recipe for as many epochs as the demo (`make demo` comes first). To the
next order in the time step h, Verlet conserves the shadow energy H + h² (v V'' v / 12 - f² / 24 m)
(Hairer, Lubich and Wanner, Acta Numerica 12, 399, 2003): it lacks the fluctuations of H, and some
picoseconds show its walk. D, the mean square walk per time, lets the energy rise by N D / 2 k T.
Nothing is judged.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
import yaml
from ase import Atoms, units
from ase.md.velocitydistribution import Stationary

from benchmarks.command import Findings, benchmark
from benchmarks.report import ROOT
from benchmarks.water import liquid
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.dynamics import langevin
from hipnn_ts.export import export_potential
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.config import parse_config
from hipnn_ts.training.fit import train

LOG = ROOT / "demo" / "training" / "metrics.csv"
RECIPE = ROOT / "examples" / "water" / "train.yaml"
# cusp regularisation, time step in fs
CASES = [(1e-6, 1.0), (1e-6, 0.5), (1e-6, 0.25), (1e-4, 0.5), (1e-2, 0.5), (0.03, 0.5), (0.1, 0.5)]
POLYNOMIAL_TIMESTEP = 0.5  # fs
TEMPERATURE = 300
LAG = 100.0  # fs between energies whose differences measure the walk
WARM = 0.5  # ps at 300 K first, with the same regularisation


def with_cusp(potential: Potential, cusp: float) -> Potential:
    changed = Potential(potential.config.model_copy(update={"cusp_regularisation": cusp}))
    changed.load_state_dict(potential.state_dict())
    return changed


def trained(folder: Path, invariants: str, epochs: int) -> Potential:
    """Train by the demo's recipe, unless that is done."""
    content = yaml.safe_load(RECIPE.read_text())
    content["network"]["invariants"] = invariants
    content["training"] = {"epochs": epochs}
    config = parse_config(content, str(RECIPE), RECIPE.parent)
    return load_checkpoint(train(config, folder / invariants, resume=True))[0]


def shadow_energies(atoms: Atoms, timestep: float, n_steps: int) -> np.ndarray:
    """Shadow energies of all steps but the first and the last, eV; ``timestep`` is in fs."""
    h = timestep * units.fs
    masses = atoms.get_masses()[:, None]
    velocities, forces = atoms.get_velocities(), [atoms.get_forces()]
    total, between = [], []
    for _ in range(n_steps):
        half = velocities + 0.5 * h * forces[-1] / masses
        atoms.positions += h * half
        forces.append(atoms.get_forces())
        velocities = half + 0.5 * h * forces[-1] / masses
        total.append(atoms.get_potential_energy() + 0.5 * (masses * velocities**2).sum())
        between.append(velocities)
        if len(forces) > 2:
            # For the step before: V'' v is minus the change of forces across it, over 2 h.
            before, now, after = forces.pop(0), forces[-2], forces[-1]
            curvature = -(between.pop(0) * (after - before)).sum() / (2 * h)
            total[-2] += h**2 * (curvature / 12 - (now**2 / masses).sum() / 24)
    return np.array(total[:-1])


def measure(potential: Potential, timestep: float, picoseconds: float) -> dict:
    """The walk of the shadow energy, and the rise that follows from it."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.pt"
        export_potential(potential, model, {}, dtype=torch.float64)
        calculator = HIPNNTSCalculator(model)
    random = np.random.default_rng(0)
    warm = langevin(liquid() * (2, 2, 1), calculator, TEMPERATURE, 0.5, 0.02, random)
    warm.run(round(2000 * min(WARM, picoseconds / 4)))
    Stationary(warm.atoms)
    n_atoms = len(warm.atoms)
    energies = shadow_energies(warm.atoms, timestep, round(1000 * picoseconds / timestep))
    every = round(LAG / timestep)
    changes = 1e6 * np.diff(energies[::every]) / n_atoms
    square = float(np.mean(changes**2)) / (LAG * 1e-3)
    temperature = 1e6 * units.kB * TEMPERATURE  # µeV
    return {
        "n_atoms": n_atoms,
        "picoseconds": picoseconds,
        "square_per_ps": square,  # (µeV/atom)²/ps
        "standard_error": square * float(np.sqrt(2 / len(changes))),
        "rise_ueV_per_atom_ps": n_atoms * square / (2 * temperature),
    }


@benchmark("energy_walk", picoseconds=0.2, epochs=2, n_cases=1, folder="build/quick/energy_walk")
def main(picoseconds=5.0, epochs=0, n_cases=7, folder="demo/energy_walk") -> Findings:
    """Run all cases with models kept in ``folder``; 0 epochs stands for as many as the demo's."""
    epochs = epochs or len(LOG.read_text().splitlines()) - 1
    norms, polynomials = (trained(ROOT / folder, n, epochs) for n in ("norms", "polynomials"))
    cases = [(with_cusp(norms, cusp), cusp, timestep) for cusp, timestep in CASES[:n_cases]]
    rows = {}
    for potential, cusp, timestep in [*cases, (polynomials, None, POLYNOMIAL_TIMESTEP)]:
        name = f"{'polynomials' if cusp is None else format(cusp, 'g')}, {timestep:g} fs"
        row = measure(potential, timestep, picoseconds)
        rows[name] = row | {"cusp_regularisation": cusp, "timestep_fs": timestep}
        print(name, f"{row['square_per_ps']:.3g} (µeV/atom)²/ps", flush=True)
    return {"temperature_K": TEMPERATURE, "rows": rows}, []


if __name__ == "__main__":
    main()
