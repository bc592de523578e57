"""Reading stacked arrays: NumPy archives, and HDF5 files as ANI and COMP6 lay them out."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from hipnn_ts.data.labels import Raw
from hipnn_ts.errors import InputError
from hipnn_ts.label_config import USUAL, LabelConfig


def read_npz(path: Path, labels: LabelConfig) -> Iterator[Raw]:
    """Frames of an archive of arrays (frames, ...); species may be shared by all.

    The arrays are held in memory: parts of one that is compressed cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except Exception as error:  # zipfile and NumPy's header parser declare few of theirs
        raise InputError(
            f"{path}: expected a NumPy archive of plain arrays, found: {_line(error)}"
        ) from error
    yield from _frames(arrays, labels, str(path), "")


def read_hdf5(path: Path, labels: LabelConfig) -> Iterator[Raw]:
    """Frames of every group that holds positions; a group is one molecule, and read at once."""
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise InputError(
            f"{path}: HDF5 needs the package h5py, found none; install hipnn-ts[train]"
        ) from error
    try:
        with h5py.File(path, "r") as file:
            groups = [""]
            file.visititems(
                lambda name, item: groups.append(name) if isinstance(item, h5py.Group) else None
            )
            found = False
            for name in groups:
                group = file[name or "/"]
                arrays = {key: v for key, v in group.items() if isinstance(v, h5py.Dataset)}
                if _column("positions", arrays, labels) is None:
                    continue
                found = True
                content = {key: value[()] for key, value in arrays.items()}
                yield from _frames(content, labels, f"{path}: {name or '/'}", name)
    except InputError:
        raise
    except Exception as error:  # a damaged file can fail in any of HDF5's functions
        raise InputError(f"{path}: expected an HDF5 file, found: {_line(error)}") from error
    if not found:
        names = (labels.columns.positions,) if labels.columns.positions else USUAL["positions"]
        raise InputError(
            f"{path}: expected groups with positions ({', '.join(names)}), found none in "
            f"{len(groups)} groups"
        )


def _column(quantity: str, arrays: Mapping[str, Any], labels: LabelConfig) -> str | None:
    named = getattr(labels.columns, quantity)
    names = (named,) if named else USUAL.get(quantity, ())
    return next((name for name in names if name in arrays), None)


def _frames(
    arrays: Mapping[str, Any], labels: LabelConfig, name: str, molecule: str
) -> Iterator[Raw]:
    found = {}
    for quantity in (*USUAL, "weight"):
        column = _column(quantity, arrays, labels)
        if column is not None:
            found[quantity] = np.asarray(arrays[column])
        elif quantity in ("positions", "species", "energy"):
            named = getattr(labels.columns, quantity)
            expected = (named,) if named else USUAL[quantity]
            raise InputError(
                f"{name}: expected an array of {quantity} ({', '.join(expected)}), found "
                f"{', '.join(arrays) or 'none'}"
            )
    positions = found.pop("positions")
    if positions.ndim != 3 or positions.shape[2] != 3:
        raise InputError(
            f"{name}: expected positions of shape (frames, atoms, 3), found {positions.shape}"
        )
    n_frames, n_atoms = positions.shape[:2]
    species = _numbers(found.pop("species"), name)
    if species.shape not in ((n_atoms,), (n_frames, n_atoms)):
        raise InputError(
            f"{name}: expected species of shape ({n_atoms},) or ({n_frames}, {n_atoms}), found "
            f"{species.shape}"
        )
    cell = found.pop("cell", None)
    if cell is not None and cell.shape not in ((3, 3), (n_frames, 3, 3)):
        raise InputError(f"{name}: expected cells of shape ({n_frames}, 3, 3), found {cell.shape}")
    for quantity, values in found.items():
        if len(np.atleast_1d(values)) != n_frames:
            raise InputError(
                f"{name}: expected {n_frames} entries of {quantity}, one for each frame, found "
                f"{len(np.atleast_1d(values))}"
            )
    groups = arrays.get(labels.columns.config_type)
    for index in range(n_frames):
        label = f"{name}: frame {index}"
        numbers = species if species.ndim == 1 else species[index]
        real = numbers > 0  # padding of molecules that are smaller than the largest
        frame = Atoms(numbers[real], positions[index][real])
        if cell is not None:
            frame.set_cell(cell if cell.ndim == 2 else cell[index])
            frame.pbc = True
        if molecule:
            frame.info["molecule"] = molecule
        if groups is not None and len(groups) == n_frames:
            frame.info[labels.columns.config_type] = _text(groups[index])
        values = {quantity: found[quantity][index] for quantity in found}
        if "forces" in values and values["forces"].shape[:1] == real.shape:
            values["forces"] = values["forces"][real]
        # In these files nan means "not computed".
        values = {q: v for q, v in values.items() if not np.isnan(np.asarray(v, float)).all()}
        yield Raw(label, frame, values, list(arrays))


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _numbers(species: np.ndarray, name: str) -> np.ndarray:
    """Atomic numbers of numbers or symbols."""
    if species.dtype.kind in "iu":
        return species.astype(int)
    if species.dtype.kind == "f" and (species == np.round(species)).all():
        return species.astype(int)
    symbols = [_text(value).strip() for value in species.ravel()]
    for symbol in symbols:
        if symbol not in atomic_numbers:
            raise InputError(f"{name}: expected a chemical element, found {symbol[:20]!r}")
    return np.array([atomic_numbers[symbol] for symbol in symbols]).reshape(species.shape)
