"""Reading exported files, which may be damaged or hostile."""

import io
from pathlib import Path

import numpy as np
import torch

from hipnn_ts import operators
from hipnn_ts.errors import InputError
from hipnn_ts.export.contents import check_contents
from hipnn_ts.export.file import read_content, read_metadata
from hipnn_ts.export.metadata import Metadata


def load_exported(
    path: str | Path, device: str | torch.device = "cpu"
) -> tuple[torch.jit.ScriptModule, Metadata]:
    """The scripted potential and its metadata.

    The file is read once and checked before torch sees it: checksums, what its code calls, and
    sizes of its tensors. The metadata is validated first, and then compared with what was loaded.

    Raises
    ------
    InputError
        The file is missing, is not a TorchScript file, is damaged, is not ours, has a newer format,
        or contains something that an exported potential does not need.
    """
    return load_content(read_content(path), str(path), device)


def load_content(
    content: bytes, path: str, device: str | torch.device = "cpu"
) -> tuple[torch.jit.ScriptModule, Metadata]:
    """The same as :func:`load_exported`, for content that was already read from ``path``."""
    # A newer file may contain something that this version would refuse: say that it is newer first.
    metadata = read_metadata(path, content)
    operators.load()
    try:
        torch.ops.hipnn_ts.check_archive(torch.from_numpy(np.frombuffer(content, np.uint8).copy()))
        # Tensors made in inference mode do not record writes, so kernels could not cache results
        # derived from them.
        with torch.inference_mode(False):
            module = torch.jit.load(io.BytesIO(content), map_location=device)
    except Exception as error:  # torch's readers pass on any C++ exception
        raise InputError(f"{path}: {_reason(error)}") from error
    check_contents(path, len(content), module, metadata)
    return module, metadata


def _reason(error: Exception) -> str:
    """torch's message without the traces below it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else "torch cannot load it"
