"""DCD trajectories, as written by OpenMM, LAMMPS and NAMD: positions, and boxes, if any."""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase.geometry import cellpar_to_cell

from hipnn_ts.errors import InputError

_HEADER = 84  # bytes of the first record: "CORD" and twenty integers
_N_FIXED, _HAS_BOX, _CHARMM = 8, 10, 19  # indices among these
_BOX = 48  # bytes: a, gamma, b, beta, alpha, c


def read_dcd(path: str | Path) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Positions (n, 3) and box vectors (3, 3) or None of each frame, Å.

    Raises
    ------
    InputError
        The file cannot be read, is damaged, or omits fixed atoms.
    """
    content = _mapped(path)
    header, place = _record(path, content, 0, "<")
    order = "<"
    if header is None:
        order = ">"
        header, place = _record(path, content, 0, order)
    if header is None or len(header) != _HEADER or bytes(header[:4]) != b"CORD":
        raise InputError(f"{path}: expected a DCD trajectory, found another kind of file")
    numbers = struct.unpack(f"{order}20i", header[4:])
    if numbers[_N_FIXED]:
        raise InputError(
            f"{path}: expected positions of all atoms in each frame, found {numbers[_N_FIXED]} "
            "fixed atoms, which a DCD trajectory leaves out"
        )
    has_box = bool(numbers[_CHARMM] and numbers[_HAS_BOX])
    _, place = _next(path, content, place, order)  # title
    counted, place = _next(path, content, place, order)
    if len(counted) != 4:
        raise InputError(f"{path}: damaged: expected the number of atoms")
    (n,) = struct.unpack(f"{order}i", counted)
    while place < len(content):
        box = None
        if has_box:
            values, place = _next(path, content, place, order)
            if len(values) != _BOX:
                raise InputError(f"{path}: damaged: expected a box of six numbers")
            box = _box(np.frombuffer(values, f"{order}f8"))
        axes = []
        for _ in range(3):
            values, place = _next(path, content, place, order)
            if len(values) != 4 * n:
                raise InputError(
                    f"{path}: damaged: expected {4 * n} bytes of a coordinate, found {len(values)}"
                )
            axes.append(np.frombuffer(values, f"{order}f4"))
        yield np.stack(axes, axis=1).astype(float), box


def _mapped(path: str | Path) -> memoryview:
    """The bytes of the file, read as needed."""
    try:
        with Path(path).open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError:  # the file is empty
        return memoryview(b"")


def _record(
    path: str | Path, content: memoryview, place: int, order: str
) -> tuple[memoryview | None, int]:
    """The record at this position, or None if no record of a valid size begins there, and the
    position after it."""
    if place + 4 <= len(content):
        (size,) = struct.unpack_from(f"{order}i", content, place)
        end = place + 4 + size
        inside = size >= 0 and end + 4 <= len(content)
        if inside and struct.unpack_from(f"{order}i", content, end)[0] == size:
            return content[place + 4 : end], end + 4
    return None, place


def _next(path: str | Path, content: memoryview, place: int, order: str) -> tuple[memoryview, int]:
    record, place = _record(path, content, place, order)
    if record is None:
        raise InputError(f"{path}: damaged, or still being written: a record is cut off")
    return record, place


def _box(values: np.ndarray) -> np.ndarray | None:
    a, gamma, b, beta, alpha, c = values
    if not (np.isfinite(values).all() and min(a, b, c) > 0):
        return None
    angles = np.array([alpha, beta, gamma])
    if np.abs(angles).max() <= 1:  # programs write either angles or their cosines
        angles = np.degrees(np.arccos(angles))
    return cellpar_to_cell([a, b, c, *angles])
