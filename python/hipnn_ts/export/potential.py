"""An exported potential in use: loaded once in a process, and the same one in every other."""

from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import torch

from hipnn_ts.errors import InputError
from hipnn_ts.export.metadata import Metadata
from hipnn_ts.export.read import load_content, read_content


class ExportedPotential:
    """The module of an exported file on a device, its metadata, and what they were read from.

    A pickle holds the whole content of the file: where it arrives, there may be no file of that
    name, or another one, and what was started with one potential must not go on with another.
    Copies, and all pickles that arrive in one process, share what was loaded.
    """

    module: torch.jit.ScriptModule
    metadata: Metadata
    name: str
    device: torch.device

    _loaded: "WeakValueDictionary[tuple[bytes, torch.device], ExportedPotential]" = (
        WeakValueDictionary()
    )

    def __init__(self, content: bytes, name: str, device: torch.device):
        self.module, self.metadata = load_content(content, name, device)
        self.name, self.device = name, device
        self._content = content

    @classmethod
    def read(cls, path: str | Path, device: str | torch.device) -> "ExportedPotential":
        """From a file.

        Raises
        ------
        InputError
            As :func:`load_exported`, or the device is not there.
        """
        return cls.of(read_content(path), str(path), device)

    @classmethod
    def of(cls, content: bytes, name: str, device: str | torch.device) -> "ExportedPotential":
        """From the content of a file, which messages call ``name``. Raises as :meth:`read`."""
        where = _usable(device)
        found = cls._loaded.get((content, where))
        if found is None:
            found = cls._loaded[content, where] = cls(content, name, where)
        return found

    def __copy__(self) -> "ExportedPotential":
        return self

    def __deepcopy__(self, _: Any) -> "ExportedPotential":
        return self

    def __reduce__(self):
        return ExportedPotential.of, (self._content, self.name, str(self.device))


def _usable(device: str | torch.device) -> torch.device:
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device '{device}': expected a device that this torch can use, such as cpu"
        ) from error
    return found
