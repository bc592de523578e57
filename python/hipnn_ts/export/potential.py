"""An exported potential in use: a process loads it once and passes the same one to others."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakValueDictionary

from hipnn_ts import _core
from hipnn_ts.errors import InputError
from hipnn_ts.export.file import check_description, need_torch, read_content, read_metadata
from hipnn_ts.export.metadata import Metadata
from hipnn_ts.extras import need

if TYPE_CHECKING:
    import torch


class ExportedPotential:
    """The content of an exported file, ready to be evaluated, and the bytes that it was read from.

    A pickle contains the whole content of the file: where it arrives, a file of that name may not
    exist or may differ, and work that was started with one potential must not continue with
    another. Copies, and all pickles that arrive in one process, share what was loaded.
    """

    metadata: Metadata
    name: str
    device: str

    _loaded: ClassVar["WeakValueDictionary[tuple[bytes, str], ExportedPotential]"] = (
        WeakValueDictionary()
    )

    def __init__(self, content: bytes, name: str, device: str, metadata: Metadata):
        self.name, self.device, self.metadata = name, device, metadata
        self._content = content

    @staticmethod
    def read(path: str | Path, device: "str | torch.device" = "cpu") -> "ExportedPotential":
        """From a file.

        Raises
        ------
        InputError
            The errors of :func:`load_exported`; a device that does not exist; or torch is needed
            and missing.
        """
        return ExportedPotential.of(read_content(path), str(path), device)

    @staticmethod
    def of(content: bytes, name: str, device: "str | torch.device") -> "ExportedPotential":
        """From the content of a file, whose name in messages is ``name``. Raises the errors of
        :meth:`read`.

        On the CPU, fused files are evaluated without torch.
        """
        loaded, key = ExportedPotential._loaded, (content, str(device))
        found = loaded.get(key)
        if found is None:
            metadata = read_metadata(name, content)
            if metadata.native and str(device) == "cpu":
                kind = NativePotential
            else:
                _need_torch(name, str(device), metadata)
                from hipnn_ts.export.scripted import ScriptedPotential as kind  # noqa: N813
            found = loaded[key] = kind(content, name, str(device), metadata)
        return found

    def __copy__(self) -> "ExportedPotential":
        return self

    def __deepcopy__(self, _: Any) -> "ExportedPotential":
        return self

    def __reduce__(self):
        return ExportedPotential.of, (self._content, self.name, self.device)


def _need_torch(name: str, device: str, metadata: Metadata) -> None:
    if metadata.members > 1:
        raise InputError(
            f"device '{device}': expected a single network, found the committee of "
            f"{metadata.members} in {name}, whose members are compared on the CPU; use 'cpu'"
        )
    if device != "cpu":
        need("torch", f"device '{device}'")
    need_torch(name, metadata)


class NativePotential(ExportedPotential):
    """A fused potential, evaluated by the runtime.

    Attributes
    ----------
    model : _core.Model
    """

    def __init__(self, content: bytes, name: str, device: str, metadata: Metadata):
        super().__init__(content, name, device, metadata)
        try:
            self.model = _core.Model(content, name)
        except ValueError as error:
            raise InputError(str(error)) from error
        check_description(name, self.model.description, metadata)
