"""Lattice, force constants, phonon and elastic constant of silicon by an exported model."""

from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS
from scipy.optimize import brentq

from benchmarks.physics.relaxation import FORCES, MOST_STEPS, RATTLE, steps_to_relax
from hipnn_ts.ase import HIPNNTSCalculator

DISPLACEMENTS = (0.05, 0.01, 0.003, 0.001)  # Å
STRAINS = (0.02, 0.002)


def relaxed_crystal(path: Path) -> Atoms:
    """Conventional cell of silicon at the model's lattice constant."""

    def slope(length: float) -> float:
        return crystal(path, length).get_stress()[:3].sum()

    return crystal(path, brentq(slope, 5.2, 5.8, xtol=1e-8))


def crystal(path: Path, length: float) -> Atoms:
    """Conventional cell of silicon of that length in Å."""
    atoms = bulk("Si", a=length, cubic=True)
    atoms.calc = HIPNNTSCalculator(path)
    return atoms


def onsite_constant(atoms: Atoms, displacement: float) -> float:
    """Force on an atom of a 64-atom cell moved by itself, over the displacement, eV/Å²."""
    moved = atoms * (2, 2, 2)
    moved.calc = atoms.calc
    moved.positions[0, 0] += displacement
    return -moved.get_forces()[0, 0] / displacement


def optical_mode(atoms: Atoms, displacement: float) -> float:
    """Zone-centre optical frequency, THz, from one sublattice moved against the other."""
    moved = atoms.copy()
    moved.calc = atoms.calc
    second = np.arange(len(moved)) % 2 == 1
    moved.positions[second, 0] += displacement
    constant = -moved.get_forces()[second, 0].mean() / displacement
    reduced_mass = atoms.get_masses()[0] / 2
    square = constant / reduced_mass
    return float(np.sign(square) * np.sqrt(abs(square)) * units.s / (2 * np.pi) * 1e-12)


def relaxed_c44(atoms: Atoms, strain: float) -> float:
    """Shear constant with the atoms relaxed, GPa; the strain is the engineering one."""
    stresses = []
    for sign in (1, -1):
        sheared = atoms.copy()
        sheared.calc = atoms.calc
        deformation = np.eye(3)
        deformation[1, 2] = deformation[2, 1] = 0.5 * sign * strain
        sheared.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
        LBFGS(sheared, logfile=None).run(fmax=1e-5, steps=MOST_STEPS)
        stresses.append(sheared.get_stress()[3])
    return float((stresses[0] - stresses[1]) / (2 * strain) / units.GPa)


def silicon(path: Path) -> dict:
    """All figures of the crystal."""
    atoms = relaxed_crystal(path)
    box = atoms * (2, 2, 2)
    box.calc = atoms.calc
    cell = FrechetCellFilter(box)
    out = {
        "lattice_constant": atoms.cell.lengths()[0],
        "onsite_constant": {str(u): onsite_constant(atoms, u) for u in DISPLACEMENTS},
        "optical_mode_THz": {str(u): optical_mode(atoms, u) for u in DISPLACEMENTS},
        "c44_GPa": {str(s): relaxed_c44(atoms, s) for s in STRAINS},
        "steps_LBFGS": steps_to_relax(box, LBFGS),
    }
    box.rattle(RATTLE, rng=np.random.default_rng(1))
    dynamics = LBFGS(cell, logfile=None)
    converged = dynamics.run(FORCES, MOST_STEPS)
    out["steps_LBFGS_with_cell"] = dynamics.get_number_of_steps() if converged else None
    print(out, flush=True)
    return out
