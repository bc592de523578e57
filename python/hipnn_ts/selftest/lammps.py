"""The self-test in LAMMPS, with one input script for all questions."""

import subprocess
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io.lammpsdata import write_lammps_data

from hipnn_ts.lammps.launch import launch
from hipnn_ts.processes import TIMEOUT, last_line
from hipnn_ts.selftest.dynamics import Trajectory
from hipnn_ts.selftest.folder import MODEL
from hipnn_ts.selftest.questions import Answers

BAR = 1.6021765e6  # pressure of 1 eV/Å^3 in LAMMPS's units metal, by its own constants
MARGIN = 10.0  # Å around atoms that have no periodic box


class RunError(Exception):
    """LAMMPS ended without answers; the message is its last output."""


def answer(
    ranks: int,
    folder: Path,
    frames: list[Atoms],
    start: Atoms,
    timestep: float,
    n_steps: int,
) -> tuple[Answers, Trajectory]:
    """All answers of ``lmp`` on so many ranks. Raises RunError."""
    elements = sorted(set(start.get_chemical_symbols()))
    script = ""
    for index, frame in enumerate(frames):
        script += _system(folder, f"{index}", frame, elements)
        script += _evaluation(index)
    script += _system(folder, "start", start, elements)
    script += (
        f"timestep {timestep / 1000.0:.17g}\nfix move all nve\nthermo 1\n"
        f'fix note all print 1 "$(pe:%.17g) $(ke:%.17g)" file energies screen no\nrun {n_steps}\n'
    )
    try:
        done = launch(script, folder, ranks, timeout=TIMEOUT)
    except subprocess.TimeoutExpired as error:
        raise RunError(f"no end within {TIMEOUT} s") from error
    if done.returncode != 0:
        raise RunError(_reason(done.returncode, done.stdout + done.stderr))
    potential, kinetic = np.loadtxt(folder / "energies", unpack=True)
    return _read(folder, frames), Trajectory(potential[1:], kinetic[1:])


def _system(folder: Path, name: str, frame: Atoms, elements: list[str]) -> str:
    frame = frame.copy()
    if not frame.pbc.any():
        lowest, highest = frame.positions.min(axis=0), frame.positions.max(axis=0)
        frame.set_cell(np.diag(highest - lowest + 2 * MARGIN))
        frame.positions += MARGIN - lowest
    data = f"data.{name}"
    write_lammps_data(
        folder / data, frame, specorder=elements, masses=True, velocities=frame.has("momenta")
    )
    boundary = "p p p" if frame.pbc.all() else "f f f"
    return f"""
clear
units metal
boundary {boundary}
atom_modify map array
read_data {data}
pair_style hipnn/ts
pair_coeff * * {MODEL} {" ".join(elements)}
"""


def _evaluation(index: int) -> str:
    values = " ".join(f"$(c_v[{k}]:%.17g)" for k in range(1, 7))
    return f"""
compute v all pressure NULL virial
thermo_style custom step pe c_v[*]
dump d all custom 1 forces.{index} id fx fy fz
dump_modify d sort id format float %.17g
run 0 post no
print "$(pe:%.17g) $(vol:%.17g) {values}" file thermo.{index} screen no
"""


def _read(folder: Path, frames: list[Atoms]) -> Answers:
    energies, forces, virials = [], [], []
    for index in range(len(frames)):
        energy, volume, *pressure = np.loadtxt(folder / f"thermo.{index}")
        xx, yy, zz, xy, xz, yz = -np.array(pressure) * volume / BAR
        energies.append(energy)
        virials.append([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        forces.append(np.loadtxt(folder / f"forces.{index}", skiprows=9)[:, 1:])
    return Answers(np.array(energies), np.array(forces), np.array(virials))


def _reason(code: int, output: str) -> str:
    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    if errors:
        return errors[0]
    return f"killed by signal {-code}" if code < 0 else last_line(output)
