"""Langevin dynamics in ASE from a structure, set up alike wherever the package runs dynamics."""

import warnings

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.md.langevin import Langevin
from ase.md.langevinbaoab import LangevinBAOAB
from ase.md.md import MolecularDynamics
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

BAROSTAT = 1000.0  # time steps in which the volume answers


def bare(atoms: Atoms) -> Atoms:
    """Elements, positions, box, and the initial settings for a reference method."""
    out = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    for name in ("initial_magmoms", "initial_charges"):
        if atoms.has(name):
            out.set_array(name, atoms.arrays[name])
    return out


def langevin(
    atoms: Atoms,
    calculator: Calculator,
    temperature: float,
    timestep: float,
    friction: float,
    random: np.random.Generator,
    pressure: float | None = None,
) -> MolecularDynamics:
    """Dynamics of a copy of ``atoms`` (K, fs, 1/fs), which begin with random velocities at the
    temperature.

    At a pressure, GPa, the volume fluctuates and the shape of the cell is constant (Quigley and
    Probert, J. Chem. Phys. 120, 11432, 2004); without one the cell is constant.
    """
    atoms = bare(atoms)
    atoms.calc = calculator
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature, rng=random)
    common = {"temperature_K": temperature, "rng": random}
    timestep, friction = timestep * units.fs, friction / units.fs
    if pressure is None:
        return Langevin(atoms, timestep, friction=friction, fixcm=False, **common)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using heuristic P_mass")  # as ASE recommends
        return LangevinBAOAB(
            atoms,
            timestep,
            externalstress=-pressure * units.GPa,
            hydrostatic=True,
            T_tau=1 / friction,
            P_tau=BAROSTAT * timestep,
            **common,
        )
