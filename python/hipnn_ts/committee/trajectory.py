"""Frames of trajectories of any engine: positions, elements and boxes, no reference values."""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from ase.io import iread, read

from hipnn_ts.committee.dcd import read_dcd
from hipnn_ts.errors import InputError

_DUMP = b"ITEM:"  # first line of a LAMMPS text dump


def read_trajectory(
    path: str | Path, topology: str | Path | None = None, elements: Sequence[str] = ()
) -> Iterator[Atoms]:
    """Each frame of a trajectory, in Å, without a calculator.

    Parameters
    ----------
    path : a LAMMPS text dump (``dump atom`` or ``custom``), a DCD trajectory (.dcd), or any file
        that ASE reads: extended XYZ, .traj, .db, PDB, XDATCAR, ...
    topology : for a DCD trajectory, a file that ASE reads, with its atoms in the same order
    elements : for a dump without a column ``element``, elements of its atom types, in order

    Raises
    ------
    InputError
        The file cannot be read, or lacks elements.
    """
    if Path(path).suffix == ".dcd":
        return _of_dcd(path, topology)
    try:
        with Path(path).open("rb") as file:
            beginning = file.read(1 << 16)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if beginning.startswith(_DUMP):
        return _of_dump(path, beginning, elements)
    return _of_ase(path, iread(path, ":"))


def _of_ase(path: str | Path, frames: Iterator[Atoms]) -> Iterator[Atoms]:
    try:
        for frame in frames:
            frame.calc = None
            yield frame
    except InputError:
        raise
    except Exception as error:  # readers raise any exception
        reason = str(error).splitlines()
        raise InputError(
            f"{path}: expected a trajectory, found one that ASE cannot read "
            f"({reason[0] if reason else type(error).__name__})"
        ) from error


def _of_dump(path: str | Path, beginning: bytes, elements: Sequence[str]) -> Iterator[Atoms]:
    columns = beginning.partition(b"ITEM: ATOMS ")[2].splitlines()
    unknown = [symbol for symbol in elements if symbol not in atomic_numbers]
    if unknown:
        raise InputError(f"elements: expected chemical symbols, found '{unknown[0]}'")
    if not elements and columns and b"element" not in columns[0].split():
        raise InputError(
            f"{path}: expected a column 'element', found none; name the elements of the atom "
            "types, --elements 'O H', or dump a column 'element' ('dump_modify ID element O H')"
        )
    order = {"specorder": list(elements)} if elements else {}
    return _of_ase(path, iread(path, ":", format="lammps-dump-text", **order))


def _of_dcd(path: str | Path, topology: str | Path | None) -> Iterator[Atoms]:
    if topology is None:
        raise InputError(
            f"{path}: a DCD trajectory holds no elements; name a file that does, --topology x.pdb"
        )
    try:
        atoms = read(topology)
    except OSError as error:
        raise InputError(f"{topology}: cannot be read: {error.strerror}") from error
    except Exception as error:
        raise InputError(
            f"{topology}: expected atoms, found a file that ASE cannot read"
        ) from error
    return _with_topology(path, topology, atoms)


def _with_topology(path: str | Path, topology: str | Path, atoms: Atoms) -> Iterator[Atoms]:
    for positions, box in read_dcd(path):
        if len(positions) != len(atoms):
            raise InputError(
                f"{path}: expected the {len(atoms)} atoms of {topology}, found {len(positions)}"
            )
        cell = np.zeros((3, 3)) if box is None else box
        yield Atoms(atoms.numbers, positions, cell=cell, pbc=box is not None)


def read_trajectories(
    paths: Sequence[str | Path], topology: str | Path | None = None, elements: Sequence[str] = ()
) -> Iterator[tuple[str, Atoms]]:
    """Frames of several trajectories, one after the other, each with its name in messages."""
    return chain.from_iterable(
        (
            (f"{path}: frame {index}", frame)
            for index, frame in enumerate(read_trajectory(path, topology, elements))
        )
        for path in paths
    )
