"""Reading reference data from extended XYZ."""

import gzip
import io
import lzma
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import iread

from hipnn_ts.errors import InputError

OPENERS = {".xz": lzma.open, ".gz": gzip.open}


def read_frames(path: str | Path) -> list[Atoms]:
    """All frames of an extended XYZ file, plain or compressed (.xz, .gz), each one checked.

    Every frame has an energy (eV) and forces (eV/Å), found under those names; a stress
    (eV/Å^3, tensile positive) is optional.

    Raises
    ------
    InputError
        The file cannot be read, is empty, or a frame lacks a quantity or holds one that is not
        finite; the message names the file and the frame, counted from 0.
    """
    text = _text(Path(path))
    frames: list[Atoms] = []
    try:
        # The whole text first: ASE seeks backwards, which is very slow in a compressed file.
        for frame in iread(io.StringIO(text), ":", format="extxyz"):
            frames.append(frame)
    except Exception as error:  # whatever ASE's parser meets: its exceptions are not declared
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: frame {len(frames)}: expected extended XYZ, found what ASE cannot parse "
            f"({reason})"
        ) from error
    if not frames:
        raise InputError(f"{path}: expected extended XYZ, found no frame")
    for index, frame in enumerate(frames):
        check_frame(frame, f"{path}: frame {index}")
    return frames


def check_frame(frame: Atoms, name: str) -> None:
    """Raise InputError, beginning with ``name``, where a frame cannot serve as reference data."""
    results = {} if frame.calc is None else frame.calc.results
    for quantity in ("energy", "forces"):
        if results.get(quantity) is None:
            raise InputError(
                f"{name}: expected an entry '{quantity}', found "
                f"{', '.join(results) or 'no reference result'}"
            )
    if len(frame) == 0:
        raise InputError(f"{name}: expected at least one atom, found none")
    if 0 in frame.numbers:
        atom = int(np.flatnonzero(frame.numbers == 0)[0])
        raise InputError(f"{name}: atom {atom}: expected a chemical element, found 'X'")
    per_atom = {"positions": frame.positions, "forces": np.asarray(results["forces"])}
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
    whole = {"energy": results["energy"], "cell": frame.cell.array}
    if "stress" in results:
        whole["stress"] = results["stress"]
    for quantity, values in whole.items():
        if not np.isfinite(values).all():
            raise InputError(
                f"{name}: expected a finite {quantity}, found {np.asarray(values).tolist()}"
            )
    if frame.pbc.all() and frame.cell.rank < 3:
        raise InputError(
            f"{name}: expected three independent cell vectors in a periodic frame, found "
            f"{frame.cell.array.tolist()}"
        )


def _text(path: Path) -> str:
    opener = OPENERS.get(path.suffix, open)
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: expected a readable extended XYZ file ({path.suffix or 'no suffix'}), "
            f"found: {error}"
        ) from error
