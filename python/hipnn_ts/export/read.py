"""Reading exported files."""

from pathlib import Path

import torch

from hipnn_ts import operators
from hipnn_ts.errors import InputError
from hipnn_ts.export.metadata import FILE_NAME, Metadata, parse_metadata


def load_exported(
    path: str | Path, device: str | torch.device = "cpu"
) -> tuple[torch.jit.ScriptModule, Metadata]:
    """The scripted potential and its metadata.

    Raises
    ------
    InputError
        The file is missing, no TorchScript file, damaged, not ours, or of a newer format.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    operators.load()
    extra = {FILE_NAME: ""}
    try:
        module = torch.jit.load(str(path), map_location=device, _extra_files=extra)
    except (RuntimeError, ValueError) as error:
        # A newer file may use operators that this version lacks: then say that, if it says so.
        if extra[FILE_NAME]:
            parse_metadata(str(path), _text(extra[FILE_NAME]))
        raise InputError(
            f"{path}: expected an exported hipnn-ts potential, found a file that torch "
            "cannot load (damaged, or not TorchScript)"
        ) from error
    return module, parse_metadata(str(path), _text(extra[FILE_NAME]))


def _text(content: str | bytes) -> str:
    return content.decode() if isinstance(content, bytes) else content
