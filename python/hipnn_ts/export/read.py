"""Reading exported files, which may come from anywhere."""

import io
import zipfile
from pathlib import Path

import numpy as np
import torch

from hipnn_ts import operators
from hipnn_ts.errors import InputError
from hipnn_ts.export.contents import check_contents
from hipnn_ts.export.metadata import FILE_NAME, Metadata, parse_metadata


def load_exported(
    path: str | Path, device: str | torch.device = "cpu"
) -> tuple[torch.jit.ScriptModule, Metadata]:
    """The scripted potential and its metadata.

    The file is read once and checked before torch sees it: checksums, what its code calls, sizes
    of its tensors. Metadata are validated first, then compared with what was loaded.

    Raises
    ------
    InputError
        The file is missing, no TorchScript file, damaged, not ours, of a newer format, or holds
        anything that an exported potential does not need.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    # A newer file may hold what this version would refuse: then say that it is newer.
    metadata = parse_metadata(str(path), _document(str(path), content))
    operators.load()
    try:
        torch.ops.hipnn_ts.check_archive(torch.from_numpy(np.frombuffer(content, np.uint8).copy()))
        module = torch.jit.load(io.BytesIO(content), map_location=device)
    except Exception as error:  # torch's readers let out whatever C++ throws
        raise InputError(f"{path}: {_reason(error)}") from error
    check_contents(str(path), len(content), module, metadata)
    return module, metadata


def _document(path: str, content: bytes) -> str:
    """The JSON document, as a zip archive that holds TorchScript has it."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if any(name.endswith("/constants.pkl") for name in names):
                for name in names:
                    if name.endswith(f"/extra/{FILE_NAME}"):
                        return archive.read(name).decode()
                return ""
    except Exception:  # zipfile declares few of the exceptions that damaged files make it raise
        pass
    raise InputError(
        f"{path}: expected an exported hipnn-ts potential, found a file that torch cannot load "
        "(damaged, or not TorchScript)"
    )


def _reason(error: Exception) -> str:
    """torch's message without the traces below it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else "torch cannot load it"
