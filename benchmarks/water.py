"""Boxes of water for timing: molecules at random orientation on a lattice of liquid density.

Timing needs the right number of neighbours (110 within 6.5 Å), not an equilibrated liquid.
"""

import numpy as np
from ase import Atoms

SPACING = 3.1043  # Å between molecules: 0.99989 g/cm³, as the density of water at 4 °C
BOND, ANGLE = 0.9572, np.deg2rad(104.52)


def water_box(n_x: int, n_y: int, n_z: int, seed: int = 0) -> Atoms:
    """3 n_x n_y n_z atoms, O H H by molecule, periodic."""
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
