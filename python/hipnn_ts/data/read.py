"""Reading reference data: extended XYZ, ASE databases, NumPy archives, HDF5."""

import gzip
import io
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.io import iread

from hipnn_ts.data.arrays import read_hdf5, read_npz
from hipnn_ts.data.labels import Raw, check_columns, labelled, raw_frame
from hipnn_ts.errors import InputError
from hipnn_ts.label_config import LabelConfig

OPENERS = {".xz": lzma.open, ".gz": gzip.open}


class NamedFrames(NamedTuple):
    """Frames and what messages call them: file and index."""

    frames: list[Atoms]
    names: list[str]
    left_out: int = 0  # configurations whose energy was never computed (nan in an array)


def read_frames(path: str | Path, labels: LabelConfig | None = None) -> list[Atoms]:
    """All frames of a file, as ``read_named``."""
    return read_named((Path(path),), labels).frames


def read_named(files: tuple[Path, ...], labels: LabelConfig | None = None) -> NamedFrames:
    """Frames of several files, in order, converted to eV and Å, each one checked.

    The suffix tells the format: extended XYZ, plain or compressed (.xz, .gz), where it is none of
    .db (ASE database), .npz, .h5 and .hdf5. Every frame has an energy (eV); forces (eV/Å) and
    stress (eV/Å^3, tensile positive) are optional. ``labels`` says what columns mean.

    Raises
    ------
    InputError
        A file cannot be read, is empty or lacks a column that was named, or a frame lacks its
        energy or holds a value that is not finite; the message names the file and the frame.
    """
    labels = labels or LabelConfig()
    frames: list[Atoms] = []
    names: list[str] = []
    left_out = 0
    for file in files:
        found = list(_READERS.get(file.suffix, _read_xyz)(_existing(file), labels))
        if not found:
            raise InputError(f"{file}: expected reference data, found no frame")
        # An array has an energy column; a frame without one is a nan in it.
        given = [raw for raw in found if "energy" in raw.values]
        if file.suffix in _ARRAYS and given:
            left_out += len(found) - len(given)
            found = given
        check_columns(found, labels, file)
        for raw in found:
            frames.append(labelled(raw, labels))
            names.append(raw.name)
            check_frame(frames[-1], raw.name)
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


def _existing(path: Path) -> Path:
    if not path.exists():
        raise InputError(f"{path}: no such file")
    return path


def _read_xyz(path: Path, labels: LabelConfig) -> Iterator[Raw]:
    text = _text(path)
    index = 0
    try:
        # The whole text first: ASE seeks backwards, which is very slow in a compressed file.
        for frame in iread(io.StringIO(text), ":", format="extxyz"):
            yield raw_frame(f"{path}: frame {index}", frame, labels)
            index += 1
    except Exception as error:  # whatever ASE's parser meets: its exceptions are not declared
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: frame {index}: expected extended XYZ, found what ASE cannot parse ({reason})"
        ) from error


def _read_database(path: Path, labels: LabelConfig) -> Iterator[Raw]:
    from ase.db import connect

    try:
        # Read-only in effect: connecting to a file that is no database would change it.
        if not path.read_bytes()[:15] == b"SQLite format 3":
            raise InputError(f"{path}: expected an ASE database (SQLite), found another file")
        for row in connect(path).select():
            frame = row.toatoms(add_additional_information=True)
            raw = raw_frame(f"{path}: row {row.id}", frame, labels)
            frame.info |= frame.info.pop("key_value_pairs", {})
            yield raw
    except InputError:
        raise
    except Exception as error:  # ASE lets the exceptions of every back end through
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: expected an ASE database, found: {reason}") from error


def _text(path: Path) -> str:
    opener = OPENERS.get(path.suffix, open)
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            return file.read()
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: expected a readable extended XYZ file ({path.suffix or 'no suffix'}), "
            f"found: {error}"
        ) from error


_ARRAYS = {".npz": read_npz, ".h5": read_hdf5, ".hdf5": read_hdf5}
_READERS = {".db": _read_database, **_ARRAYS}
