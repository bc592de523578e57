"""Reading reference data: extended XYZ, ASE databases, NumPy archives, HDF5."""

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from ase.io.extxyz import read_xyz

from hipnn_ts.data.arrays import read_hdf5, read_npz
from hipnn_ts.data.labels import Raw, check_columns, labelled, missing_column, raw_frame
from hipnn_ts.data.list_on_disk import ListOnDisk
from hipnn_ts.errors import InputError
from hipnn_ts.label_config import LabelConfig

OPENERS = {".xz": lzma.open, ".gz": gzip.open}
ROWS = 100  # of a database that are in memory at once


class NamedFrames(NamedTuple):
    """Frames and what messages call them: file and index."""

    frames: Sequence[Atoms]
    names: Sequence[str]
    left_out: int = 0  # configurations whose energy was never computed (nan in an array)


def read_frames(path: str | Path, labels: LabelConfig | None = None) -> list[Atoms]:
    """All frames of a file, as ``read_named``."""
    return read_named((Path(path),), labels).frames


def read_named(
    files: tuple[Path, ...], labels: LabelConfig | None = None, in_memory: bool = True
) -> NamedFrames:
    """Frames of several files, in order, converted to eV and Å, each one checked.

    The suffix tells the format: extended XYZ, plain or compressed (.xz, .gz), where it is none of
    .db (ASE database), .npz, .h5 and .hdf5. Every frame has an energy (eV); forces (eV/Å) and
    stress (eV/Å^3, tensile positive) are optional. ``labels`` says what columns mean.

    Without ``in_memory`` frames and names are lists on disk. Files are then in memory by a frame of
    extended XYZ, some rows of a database, a group of HDF5; archives (.npz) as a whole.

    Raises
    ------
    InputError
        A file cannot be read, is empty or lacks a column that was named, or a frame lacks its
        energy or holds a value that is not finite; the message names the file and the frame.
    """
    labels = labels or LabelConfig()
    frames, names = ([], []) if in_memory else (ListOnDisk(), ListOnDisk())
    left_out = sum(_read_file(file, labels, frames, names) for file in files)
    return NamedFrames(frames, names, left_out)


def check_frame(frame: Atoms, name: str) -> None:
    """Raise InputError, beginning with ``name``, where a frame cannot serve as reference data."""
    results = {} if frame.calc is None else frame.calc.results
    if results.get("energy") is None:
        raise InputError(
            f"{name}: expected an entry 'energy', found "
            f"{', '.join(results) or 'no reference result'}"
        )
    if len(frame) == 0:
        raise InputError(f"{name}: expected at least one atom, found none")
    if 0 in frame.numbers:
        atom = int(np.flatnonzero(frame.numbers == 0)[0])
        raise InputError(f"{name}: atom {atom}: expected a chemical element, found 'X'")
    per_atom = {"positions": frame.positions}
    if "forces" in results:
        per_atom["forces"] = results["forces"]
    for quantity, values in per_atom.items():
        if values.shape != (len(frame), 3):
            raise InputError(
                f"{name}: expected {quantity} of shape ({len(frame)}, 3), found {values.shape}"
            )
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if bad.size:
            raise InputError(
                f"{name}: atom {bad[0]}: expected finite {quantity}, found "
                f"{values[bad[0]].tolist()}"
            )
    whole = {"energy": np.asarray(results["energy"]), "cell": frame.cell.array}
    if "stress" in results:
        whole["stress"] = results["stress"]
    for quantity, shape in (("energy", ()), ("stress", (6,))):
        if quantity in whole and whole[quantity].shape != shape:
            raise InputError(
                f"{name}: expected {quantity} of shape {shape}, found {whole[quantity].shape}"
            )
    for quantity, values in whole.items():
        if not np.isfinite(values).all():
            raise InputError(f"{name}: expected a finite {quantity}, found {values.tolist()}")
    if frame.pbc.all() and frame.cell.rank < 3:
        raise InputError(
            f"{name}: expected three independent cell vectors in a periodic frame, found "
            f"{frame.cell.array.tolist()}"
        )


def _read_file(
    file: Path,
    labels: LabelConfig,
    frames: list[Atoms] | ListOnDisk[Atoms],
    names: list[str] | ListOnDisk[str],
) -> int:
    """Append the frames of a file; return how many were left out."""
    left_out = 0
    quantities: set[str] = set()
    columns: dict[str, None] = {}  # of all frames, in order
    for raw in _READERS.get(file.suffix, _read_xyz)(_existing(file), labels):
        columns |= dict.fromkeys(raw.present)
        if "energy" not in raw.values:
            # An array has an energy column; a frame without one is a nan in it.
            if file.suffix in _ARRAYS:
                left_out += 1
                continue
            if labels.columns.energy:
                raise missing_column("energy", labels, raw.name, raw.present)
        quantities |= raw.values.keys()
        frame = labelled(raw, labels)
        check_frame(frame, raw.name)
        frames.append(frame)
        names.append(raw.name)
    if not quantities:
        found = f"none in {left_out} frames" if left_out else "no frame"
        raise InputError(f"{file}: expected reference data with an energy, found {found}")
    check_columns(quantities, labels, file, columns)
    return left_out


def _existing(path: Path) -> Path:
    if not path.exists():
        raise InputError(f"{path}: no such file")
    return path


def _read_xyz(path: Path, labels: LabelConfig) -> Iterator[Raw]:
    index = 0
    try:
        for text in _xyz_frames(path):
            frame = next(read_xyz(io.StringIO(text), 0))
            yield raw_frame(f"{path}: frame {index}", frame, labels)
            index += 1
    except InputError:
        raise
    except Exception as error:  # whatever ASE's parser meets: its exceptions are not declared
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: frame {index}: expected extended XYZ, found what ASE cannot parse ({reason})"
        ) from error


def _xyz_frames(path: Path) -> Iterator[str]:
    """The text of each frame. ASE itself seeks backwards: very slow in a compressed file."""
    try:
        with OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
            while (line := file.readline()).strip():
                yield line + "".join(islice(file, int(line) + 1))
    except (OSError, EOFError, lzma.LZMAError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: expected a readable extended XYZ file ({path.suffix or 'no suffix'}), "
            f"found: {error}"
        ) from error


def _read_database(path: Path, labels: LabelConfig) -> Iterator[Raw]:
    try:
        # Read-only in effect: connecting to a file that is no database would change it.
        with path.open("rb") as file:
            if file.read(15) != b"SQLite format 3":
                raise InputError(f"{path}: expected an ASE database (SQLite), found another file")
        for row in _rows(path):
            frame = row.toatoms(add_additional_information=True)
            raw = raw_frame(f"{path}: row {row.id}", frame, labels)
            frame.info |= frame.info.pop("key_value_pairs", {})
            yield raw
    except InputError:
        raise
    except Exception as error:  # ASE lets the exceptions of every back end through
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: expected an ASE database, found: {reason}") from error


def _rows(path: Path) -> Iterator[Any]:
    """In order of their ids. ASE fetches all rows that are asked for at once."""
    from ase.db import connect

    database, last = connect(path), 0
    while rows := list(database.select(f"id>{last}", sort="id", limit=ROWS)):
        yield from rows
        last = rows[-1].id


_ARRAYS = {".npz": read_npz, ".h5": read_hdf5, ".hdf5": read_hdf5}
_READERS = {".db": _read_database, **_ARRAYS}
