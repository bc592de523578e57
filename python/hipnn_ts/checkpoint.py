"""Checkpoints: what training and import write and export reads. No pickled code, ever."""

import io
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from hipnn_ts.errors import InputError
from hipnn_ts.files import replacing
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

FORMAT = "hipnn-ts checkpoint"
FORMAT_VERSION = 1


def save_checkpoint(path: str | Path, potential: Potential, provenance: dict[str, Any]) -> None:
    """Write a potential and where it came from.

    ``provenance`` holds plain Python values (training data, errors, versions) and travels into
    the exported file. The file appears complete or not at all.
    """
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "network": potential.config.model_dump(mode="json"),
        "state": potential.state_dict(),
        "provenance": provenance,
    }
    write_whole(path, content)


def write_whole(path: str | Path, content: Any) -> None:
    """``torch.save`` that leaves an older file as it is until the new one is complete.

    Raises
    ------
    InputError
        The folder cannot be written to, or the disk is full.
    """
    # In memory first: torch reports a full disk as a RuntimeError without its cause.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_checkpoint(path: str | Path) -> tuple[Potential, dict[str, Any]]:
    """Read a potential (in the precision it was saved in) and its provenance.

    Raises
    ------
    InputError
        The file is missing, not a checkpoint of this package, damaged, or of a newer format.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the unpickler trips over in a file of any kind
        raise InputError(
            f"{path}: expected a hipnn-ts checkpoint, found a file that torch cannot load"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path}: expected a hipnn-ts checkpoint, found another kind of file")
    version = content.get("format_version")
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path}: checkpoint format {version}, this hipnn-ts reads format {FORMAT_VERSION}"
        )
    try:
        potential = Potential(NetworkConfig(**content["network"]))
        potential.to(content["state"]["readouts.0.weight"].dtype)
        potential.load_state_dict(content["state"])
    except (KeyError, TypeError, RuntimeError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: the checkpoint does not fit its own architecture: {reason}"
        ) from error
    return potential, content["provenance"]
