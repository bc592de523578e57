"""Reading reference data: extended XYZ, ASE databases, NumPy archives, HDF5."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import is_zipfile

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from hipnn_ts.data.arrays import read_hdf5, read_npz
from hipnn_ts.data.columns import OPTIONAL, missing_column, no_energy
from hipnn_ts.data.extended_xyz import read_extended_xyz
from hipnn_ts.data.findings import Findings
from hipnn_ts.data.labels import Raw, labelled, raw_frame
from hipnn_ts.data.list_on_disk import ListOnDisk
from hipnn_ts.errors import InputError
from hipnn_ts.kinds import Kind, kind_of
from hipnn_ts.label_config import LabelConfig
from hipnn_ts.neighbours import check_cell

ROWS = 100  # number of rows of a database that are in memory at once


class NamedFrames(NamedTuple):
    """Frames and their names in messages: file and index."""

    frames: Sequence[Atoms]
    names: Sequence[str]
    remarks: tuple[str, ...] = ()  # about values left out and columns with other names


def read_frames(path: str | Path, labels: LabelConfig | None = None) -> list[Atoms]:
    """All frames of a file, as in ``read_named``."""
    return read_named((Path(path),), labels).frames


def read_named(
    files: tuple[Path, ...], labels: LabelConfig | None = None, in_memory: bool = True
) -> NamedFrames:
    """Frames of several files, in order, converted to eV and Å, and checked one by one.

    The suffix determines the format: .db (ASE database), .npz, .h5 and .hdf5; every other suffix
    means extended XYZ, plain or compressed (.xz, .gz). Energy (eV), forces (eV/Å) and stress
    (eV/Å^3, tensile positive) are in ``frame.calc.results`` if the frame has them. Values that are
    nan count as absent, and forces may be nan for some atoms. A frame without any of them is left
    out, with a remark. ``labels`` says what columns mean.

    Without ``in_memory``, frames and names are lists on disk. In memory are then only one frame of
    extended XYZ, some rows of a database, or one group of HDF5; archives (.npz) are read as a
    whole.

    Raises
    ------
    InputError
        A file cannot be read completely or contains no reference values, no file has a column that
        was named, or a frame contains a value that cannot be used; the message names the file and
        frame.
    """
    labels = labels or LabelConfig()
    frames, names = ([], []) if in_memory else (ListOnDisk(), ListOnDisk())
    findings = Findings()
    columns = [_read_file(file, labels, frames, names, findings) for file in files]
    for quantity in OPTIONAL:
        column = getattr(labels.columns, quantity)
        lacking = [file for file, found in zip(files, columns, strict=True) if column not in found]
        if column and len(lacking) == len(files):
            present = dict.fromkeys(key for found in columns for key in found)
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            raise missing_column(quantity, labels, f"{files[0]}{more}", present)
        for file in lacking if column else ():
            findings.add(f"files without '{column}' (data.columns.{quantity})", str(file))
    return NamedFrames(frames, names, tuple(findings.lines()))


def check_frame(frame: Atoms, name: str) -> None:
    """Raise InputError, beginning with ``name``, if a frame cannot serve as reference data."""
    results = {} if frame.calc is None else frame.calc.results
    if len(frame) == 0:
        raise InputError(f"{name}: expected at least one atom, found none")
    unknown = np.flatnonzero((frame.numbers < 1) | (frame.numbers >= len(chemical_symbols)))
    if unknown.size:
        number = frame.numbers[unknown[0]]
        raise InputError(
            f"{name}: atom {unknown[0]}: expected a chemical element, found "
            f"{repr('X') if number == 0 else number}"
        )
    per_atom = {"positions": frame.positions}
    if "forces" in results:
        per_atom["forces"] = results["forces"]
    for quantity, values in per_atom.items():
        if values.shape != (len(frame), 3):
            raise InputError(
                f"{name}: expected {quantity} of shape ({len(frame)}, 3), found {values.shape}"
            )
        # Forces that are nan count as absent.
        unusable = np.isinf(values) if quantity == "forces" else ~np.isfinite(values)
        bad = np.flatnonzero(unusable.any(axis=1))
        if bad.size:
            raise InputError(
                f"{name}: atom {bad[0]}: expected finite {quantity}, found "
                f"{values[bad[0]].tolist()}"
            )
    whole = {
        quantity: np.asarray(results[quantity])
        for quantity in ("energy", "stress")
        if quantity in results
    }
    for quantity, shape in (("energy", ()), ("stress", (6,))):
        if quantity in whole and whole[quantity].shape != shape:
            raise InputError(
                f"{name}: expected {quantity} of shape {shape}, found {whole[quantity].shape}"
            )
    for quantity, values in whole.items():
        if not np.isfinite(values).all():
            raise InputError(f"{name}: expected a finite {quantity}, found {values.tolist()}")
    try:
        check_cell(frame.cell.array, frame.pbc)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _read_file(
    file: Path,
    labels: LabelConfig,
    frames: list[Atoms] | ListOnDisk[Atoms],
    names: list[str] | ListOnDisk[str],
    findings: Findings,
) -> dict[str, None]:
    """Append the frames of a file; return the columns of all frames, in order."""
    n_frames, n_before, quantities, columns = 0, len(frames), set(), {}
    alike: dict[str, dict[str, None]] = {}
    for raw in _READERS.get(file.suffix, _read_text)(_existing(file), labels, findings):
        n_frames += 1
        columns |= dict.fromkeys(raw.present)
        frame = labelled(raw, labels, findings)
        check_frame(frame, raw.name)
        quantities |= raw.values.keys()
        for quantity, others in raw.alike.items():
            alike.setdefault(quantity, {}).update(dict.fromkeys(others))
            findings.add(
                f"no {quantity}, but '{others[0]}' (data.columns.{quantity}), in configurations",
                raw.name,
            )
        if frame.calc.results:
            frames.append(frame)
            names.append(raw.name)
        else:
            findings.add("configurations without any reference value, left out", raw.name)
    if n_frames == 0:
        raise InputError(f"{file}: expected reference data, found no frame")
    if "energy" not in quantities and "energy" in alike and not labels.columns.energy:
        raise no_energy(file, n_frames, {key: list(others) for key, others in alike.items()})
    if len(frames) == n_before:
        raise InputError(
            f"{file}: expected an energy, forces or a stress, found none in {n_frames} frames, "
            f"which have {', '.join(columns) or 'positions alone'}"
        )
    return columns


def _existing(path: Path) -> Path:
    if not path.exists():
        raise InputError(f"{path}: no such file")
    return path


def _read_text(path: Path, labels: LabelConfig, findings: Findings) -> Iterator[Raw]:
    if is_zipfile(path):  # models are zip files, and extended XYZ is not
        kind = kind_of(path.read_bytes())
        found = "another zip archive" if kind is Kind.UNKNOWN else kind.value
        raise InputError(f"{path}: expected reference data, found {found}")
    yield from read_extended_xyz(path, labels, findings)


def _read_database(path: Path, labels: LabelConfig, _: Findings) -> Iterator[Raw]:
    try:
        # Checked first because connecting to a file that is not a database would change it.
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
    except Exception as error:  # ASE passes on the exceptions of every back end
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: expected an ASE database, found: {reason}") from error


def _rows(path: Path) -> Iterator[Any]:
    """In the order of their ids. ASE fetches all requested rows at once."""
    from ase.db import connect

    database, last = connect(path), 0
    while rows := list(database.select(f"id>{last}", sort="id", limit=ROWS)):
        yield from rows
        last = rows[-1].id


_READERS = {".db": _read_database, ".npz": read_npz, ".h5": read_hdf5, ".hdf5": read_hdf5}
