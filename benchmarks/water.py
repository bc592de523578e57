"""Boxes of water that benchmarks simulate."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import molecule
from ase.io.lammpsdata import write_lammps_data
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from scipy.spatial.transform import Rotation

from benchmarks.report import ROOT
from hipnn_ts.data.read import read_frames

LABELLED = ROOT / "examples" / "reference_data" / "water.extxyz.xz"
SPACING = 3.1043  # Å between molecules: 0.99989 g/cm³, as the density of water at 4 °C


def water_box(n_x: int, n_y: int, n_z: int, seed: int = 0) -> Atoms:
    """Randomly oriented molecules on a lattice of liquid density: 3 n_x n_y n_z atoms.

    Timing needs the right number of neighbours (110 within 6.5 Å), not an equilibrated liquid.
    """
    random = np.random.default_rng(seed)
    sites = np.array(list(np.ndindex(n_x, n_y, n_z)))
    centres = sites * SPACING + random.normal(0.0, 0.1, sites.shape)
    turned = Rotation.random(len(sites), rng=random).as_matrix() @ molecule("H2O").positions.T
    positions = centres[:, None] + turned.transpose(0, 2, 1)
    cell = SPACING * np.array([n_x, n_y, n_z])
    return Atoms("OHH" * len(sites), positions.reshape(-1, 3), cell=cell, pbc=True)


def water_cube(n_atoms: int) -> Atoms:
    """The `water_box` that is a cube and has about ``n_atoms`` atoms."""
    edge = round((n_atoms / 3) ** (1 / 3))
    return water_box(edge, edge, edge)


def liquid() -> Atoms:
    """27 molecules of the labelled liquid at 300 K and 1 g/cm³."""
    frames = [f for f in read_frames(LABELLED) if f.info["config_type"] == "liquid_300K_1.00"]
    return Atoms(frames[-1].symbols, frames[-1].positions, cell=frames[-1].cell, pbc=True)


def thermal_water(repeats: tuple[int, int, int] = (2, 2, 2)) -> Atoms:
    """The `liquid` repeated, by default to 216 molecules, with velocities of 300 K."""
    atoms = liquid() * repeats
    thermalize_momenta(atoms, temperature_K=300, rng=np.random.default_rng(1))
    Stationary(atoms)
    return atoms


def write_data(path: Path, atoms: Atoms, style: str = "atomic", velocities: bool = False) -> None:
    """Write a LAMMPS data file in which oxygen is type 1 and hydrogen type 2."""
    write_lammps_data(
        path, atoms, specorder=["O", "H"], masses=True, atom_style=style, velocities=velocities
    )
