"""Boxes of water to run on."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io.lammpsdata import write_lammps_data
from ase.md.velocitydistribution import Stationary, thermalize_momenta

from benchmarks.report import ROOT
from hipnn_ts.data.read import read_frames

LABELLED = ROOT / "examples" / "reference_data" / "water.extxyz.xz"
SPACING = 3.1043  # Å between molecules: 0.99989 g/cm³, as the density of water at 4 °C
# Molecules along each edge, by number of atoms.
BOXES = {192: (4, 4, 4), 648: (6, 6, 6), 3000: (10, 10, 10), 20577: (19, 19, 19)}
BOND, ANGLE = 0.9572, np.deg2rad(104.52)


def water_box(n_x: int, n_y: int, n_z: int, seed: int = 0) -> Atoms:
    """Molecules at random orientation on a lattice of liquid density: 3 n_x n_y n_z atoms.

    Timing needs the right number of neighbours (110 within 6.5 Å), not an equilibrated liquid.
    """
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*map(np.arange, (n_x, n_y, n_z)), indexing="ij"), axis=-1)
    oxygen = grid.reshape(-1, 3) * SPACING + random.normal(0.0, 0.1, (grid.size // 3, 3))
    first = random.normal(size=oxygen.shape)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(first, random.normal(size=oxygen.shape))
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    bent = np.cos(ANGLE) * first + np.sin(ANGLE) * second
    positions = np.stack([oxygen, oxygen + BOND * first, oxygen + BOND * bent], axis=1)
    cell = SPACING * np.array([n_x, n_y, n_z])
    return Atoms("OHH" * len(oxygen), positions.reshape(-1, 3), cell=cell, pbc=True)


def liquid() -> Atoms:
    """27 molecules of the labelled liquid at 300 K and 1 g/cm³."""
    frames = [f for f in read_frames(LABELLED) if f.info["config_type"] == "liquid_300K_1.00"]
    return Atoms(frames[-1].symbols, frames[-1].positions, cell=frames[-1].cell, pbc=True)


def thermal_water() -> Atoms:
    """216 molecules: that liquid twice along each axis, at 300 K."""
    atoms = liquid() * (2, 2, 2)
    thermalize_momenta(atoms, temperature_K=300, rng=np.random.default_rng(1))
    Stationary(atoms)
    return atoms


def write_data(path: Path, atoms: Atoms, style: str = "atomic", velocities: bool = False) -> None:
    """For LAMMPS: oxygen is type 1, hydrogen type 2."""
    write_lammps_data(
        path, atoms, specorder=["O", "H"], masses=True, atom_style=style, velocities=velocities
    )
