"""Writing frames as extended XYZ."""

import gzip
import lzma
from collections.abc import Iterable
from pathlib import Path

from ase import Atoms
from ase.io.extxyz import write_xyz

from hipnn_ts.files import replacing

_OPENERS = {".xz": lzma.open, ".gz": gzip.open}


def write_frames(path: str | Path, frames: Iterable[Atoms]) -> None:
    """Write frames as they come, compressed if the name ends in .gz or .xz. The file appears
    completely or not at all.

    Raises
    ------
    InputError
        The file cannot be written; if its folder does not exist, before the first frame is asked
        for.
    """
    with (
        replacing(path) as temporary,
        _OPENERS.get(Path(path).suffix, open)(temporary, "wt", encoding="utf-8") as file,
    ):
        for frame in frames:
            write_xyz(file, [frame])
