"""Reading stacked arrays: NumPy archives, and HDF5 files in the layout of ANI and COMP6."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from hipnn_ts.data.columns import OPTIONAL, missing_column
from hipnn_ts.data.findings import Findings
from hipnn_ts.data.labels import Raw, absent_but_alike
from hipnn_ts.data.species import ISOTOPES, atomic_number
from hipnn_ts.errors import InputError
from hipnn_ts.extras import need
from hipnn_ts.label_config import USUAL, LabelConfig


def read_npz(path: Path, labels: LabelConfig, findings: Findings) -> Iterator[Raw]:
    """Frames of an archive of arrays (frames, ...); all frames may share the species.

    The arrays are kept in memory, because parts of a compressed one cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except Exception as error:  # zipfile and NumPy's header parser declare few of their exceptions
        raise InputError(
            f"{path}: expected a NumPy archive of plain arrays, found: {_line(error)}"
        ) from error
    yield from _frames(arrays, labels, str(path), "", findings)


def read_hdf5(path: Path, labels: LabelConfig, findings: Findings) -> Iterator[Raw]:
    """Frames of every group that contains positions; a group is one molecule, read at once."""
    h5py = need("h5py", f"{path}: reading it")
    n_groups, found = 0, False
    try:
        with h5py.File(path, "r") as file:
            for name, group in _groups(file, "", frozenset()):
                n_groups += 1
                arrays = {key: v for key, v in group.items() if isinstance(v, h5py.Dataset)}
                if _column("positions", arrays, labels) is None:
                    if _column("energy", arrays, labels) or _column("forces", arrays, labels):
                        findings.add(
                            "groups with reference values but no positions, not read",
                            f"{path}: {name or '/'}",
                        )
                    continue
                found = True
                content = {key: value[()] for key, value in arrays.items()}
                yield from _frames(content, labels, f"{path}: {name or '/'}", name, findings)
    except InputError:
        raise
    except Exception as error:  # damaged files can make any of HDF5's functions fail
        raise InputError(f"{path}: expected an HDF5 file, found: {_line(error)}") from error
    if not found:
        names = (labels.columns.positions,) if labels.columns.positions else USUAL["positions"]
        raise InputError(
            f"{path}: expected groups with positions ({', '.join(names)}), found none in "
            f"{n_groups} groups"
        )


def _groups(group: Any, name: str, above: frozenset[Any]) -> Iterator[tuple[str, Any]]:
    """The group and all groups below it, including those that links lead to."""
    import h5py

    yield name, group
    identity = h5py.h5o.get_info(group.id)
    above = above | {(identity.fileno, identity.addr)}
    for key in group:
        inner = group[key]  # raises if a link leads nowhere
        if isinstance(inner, h5py.Group):
            identity = h5py.h5o.get_info(inner.id)
            if (identity.fileno, identity.addr) not in above:
                yield from _groups(inner, f"{name}/{key}" if name else key, above)


def _column(quantity: str, arrays: Mapping[str, Any], labels: LabelConfig) -> str | None:
    named = getattr(labels.columns, quantity)
    names = (named,) if named else USUAL.get(quantity, ())
    return next((name for name in names if name in arrays), None)


def _frames(
    arrays: Mapping[str, Any], labels: LabelConfig, name: str, molecule: str, findings: Findings
) -> Iterator[Raw]:
    columns = {
        quantity: column
        for quantity in dict.fromkeys((*USUAL, *OPTIONAL))
        if (column := _column(quantity, arrays, labels)) is not None
    }
    for quantity in {"positions", "species", "cell"} - columns.keys():
        if getattr(labels.columns, quantity):
            raise missing_column(quantity, labels, name, arrays)
        if quantity != "cell":
            raise InputError(
                f"{name}: expected an array of {quantity} ({', '.join(USUAL[quantity])}), found "
                f"{', '.join(arrays) or 'none'}"
            )
    found = {quantity: np.asarray(arrays[column]) for quantity, column in columns.items()}
    positions = found.pop("positions")
    if positions.ndim != 3 or positions.shape[2] != 3:
        raise InputError(
            f"{name}: expected positions of shape (frames, atoms, 3), found {positions.shape}"
        )
    n_frames, n_atoms = positions.shape[:2]
    species = _numbers(found.pop("species"), name, findings)
    if species.shape not in ((n_atoms,), (n_frames, n_atoms)):
        raise InputError(
            f"{name}: expected species of shape ({n_atoms},) or ({n_frames}, {n_atoms}), found "
            f"{species.shape}"
        )
    cells = _cells(found.pop("cell", None), arrays.get("pbc"), n_frames, name)
    groups = arrays.get(labels.columns.config_type)
    if groups is not None and np.ndim(groups) == 0:
        groups = np.full(n_frames, groups)
    counted = found if groups is None else {**found, labels.columns.config_type: groups}
    for quantity, values in counted.items():
        if len(np.atleast_1d(values)) != n_frames:
            raise InputError(
                f"{name}: expected {n_frames} entries of {quantity}, one for each frame, found "
                f"{len(np.atleast_1d(values))}"
            )
    others = {
        key: values
        for key, values in arrays.items()
        if key not in columns.values() and np.ndim(values) and len(values) == n_frames
    }
    first = {key: values[0] for key, values in others.items()} if n_frames else {}
    alike = absent_but_alike(found, first, n_atoms)
    for index in range(n_frames):
        numbers = species if species.ndim == 1 else species[index]
        real = numbers > 0  # padding of molecules smaller than the largest
        frame = Atoms(numbers[real], positions[index][real])
        if cells is not None:
            frame.set_cell(cells[0][index])
            frame.pbc = cells[1][index]
        if molecule:
            frame.info["molecule"] = molecule
        if groups is not None:
            frame.info[labels.columns.config_type] = _text(groups[index])
        values = {quantity: found[quantity][index] for quantity in found}
        if "forces" in values and values["forces"].shape[:1] == real.shape:
            values["forces"] = values["forces"][real]
        yield Raw(f"{name}: frame {index}", frame, values, list(arrays), alike)


def _cells(
    cell: np.ndarray | None, periodic: Any, n_frames: int, name: str
) -> tuple[np.ndarray, np.ndarray] | None:
    """Cells (frames, 3, 3) and periodic directions (frames, 3); all periodic if the file does not
    say."""
    if cell is None:
        return None
    if cell.shape not in ((3, 3), (n_frames, 3, 3)):
        raise InputError(f"{name}: expected cells of shape ({n_frames}, 3, 3), found {cell.shape}")
    periodic = np.ones(3, bool) if periodic is None else np.asarray(periodic)
    if periodic.shape not in ((3,), (n_frames, 3)):
        raise InputError(f"{name}: expected pbc of shape ({n_frames}, 3), found {periodic.shape}")
    return (
        np.broadcast_to(cell, (n_frames, 3, 3)),
        np.broadcast_to(periodic.astype(bool), (n_frames, 3)),
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _numbers(species: np.ndarray, name: str, findings: Findings) -> np.ndarray:
    """Atomic numbers from numbers or symbols."""
    if species.dtype.kind in "iu":
        return species.astype(int)
    if species.dtype.kind == "f" and (species == np.round(species)).all():
        return species.astype(int)
    symbols = [_text(value).strip() for value in species.ravel()]
    numbers = {symbol: atomic_number(symbol) for symbol in dict.fromkeys(symbols)}
    for symbol, number in numbers.items():
        if number is None and symbol:
            raise InputError(f"{name}: expected a chemical element, found {symbol[:20]!r}")
        if symbol.upper() in ISOTOPES:
            findings.add(f"'{symbol}' read as H, in groups", name)
    return np.array([numbers[symbol] or 0 for symbol in symbols]).reshape(species.shape)
