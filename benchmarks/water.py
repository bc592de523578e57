"""Boxes of water to run on."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.md.velocitydistribution import Stationary, thermalize_momenta

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.data.read import read_frames
from hipnn_ts.export import export_potential

ROOT = Path(__file__).parents[1]
LABELLED = ROOT / "examples" / "reference_data" / "water.extxyz.xz"
TRAINED = "accuracy/*/water_pbe0ts/hipnn-ts-l2/best.ckpt"  # by accuracy.py

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


def thermal_water() -> Atoms:
    """216 molecules: a labelled frame of the liquid at 300 K, twice along each axis, at 300 K."""
    frames = [f for f in read_frames(LABELLED) if f.info["config_type"] == "liquid_300K_1.00"]
    atoms = frames[-1] * (2, 2, 2)
    atoms.calc = None
    atoms.info.clear()
    thermalize_momenta(atoms, temperature_K=300, rng=np.random.default_rng(1))
    Stationary(atoms)
    return atoms


def trained_water(folder: Path) -> Path:
    """The latest model that accuracy.py trained on the published water, exported there."""
    checkpoints = sorted(ROOT.glob(TRAINED), key=lambda path: path.stat().st_mtime)
    if not checkpoints:
        raise SystemExit(f"no {TRAINED}: run benchmarks/accuracy.py --only water_pbe0ts first")
    potential, provenance = load_checkpoint(checkpoints[-1])
    export_potential(potential, folder / "water.pt", provenance)
    return folder / "water.pt"
