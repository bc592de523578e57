"""The files that hippynn writes: experiment folders, models, checkpoints."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch

from hipnn_ts.errors import InputError
from hipnn_ts.hippynn.experiment import Structure, read_structure
from hipnn_ts.hippynn.nodes import NETWORK, find_nodes

STRUCTURE = "experiment_structure.pt"
STATES = ("best_model.pt", "best_checkpoint.pt")


@dataclass(frozen=True)
class Source:
    """A state dict, the content of the experiment structure beside it, and the files' SHA-256."""

    path: Path
    state: Mapping[str, Any]
    structure: Structure | None
    checksums: dict[str, str]


def read_source(path: Path, energy_node: str | None, trust_pickle: bool) -> Source:
    """Read an experiment folder, or a file with a state dict.

    Raises
    ------
    InputError
        Files are missing, were not written by hippynn, or would have to be trusted.
    """
    if not path.is_dir():
        return Source(path, _read_state(path, trust_pickle), None, _checksums(path))
    structure_path = path / STRUCTURE
    found = [path / name for name in STATES if (path / name).is_file()]
    if not structure_path.is_file() or not found:
        missing = STRUCTURE if not structure_path.is_file() else " or ".join(STATES)
        raise InputError(
            f"{path}: expected a hippynn experiment folder, found no {missing} in it; "
            "give a state dict file together with settings (--config) instead"
        )
    if not trust_pickle:
        raise InputError(
            f"{structure_path}: reading it runs code stored in the file; pass --trust if you trust "
            f"its origin, or give {found[0].name} together with settings (--config)"
        )
    structure = read_structure(structure_path, energy_node)
    state = _read_state(found[0], trust_pickle)
    return Source(found[0], state, structure, _checksums(structure_path, found[0]))


def _checksums(*paths: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in paths}


def _read_state(path: Path, trust_pickle: bool) -> Mapping[str, Any]:
    """The state dict in a model file, or under ``model`` in a checkpoint."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        content = _load(path, trust_pickle)
    except InputError:
        raise
    except Exception as error:  # trusted pickles, and damaged files, can raise any exception
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise _not_a_state(path, f"a file that cannot be loaded ({reason})") from error
    if isinstance(content, dict) and isinstance(content.get("model"), Mapping):
        content = content["model"]
    if not isinstance(content, Mapping):
        raise _not_a_state(path, f"a {type(content).__name__}")
    if not find_nodes(content, NETWORK):
        raise _not_a_state(path, f"no HIP-NN network among the keys {list(content)[:3]}")
    return content


def _load(path: Path, trust_pickle: bool) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not is_zipfile(path):
            raise _not_a_state(path, "a file that torch did not write") from error
        if not trust_pickle:
            raise InputError(
                f"{path}: holds Python objects beside tensors, and reading those runs code stored "
                "in the file; pass --trust if you trust its origin, or give best_model.pt"
            ) from error
        return torch.load(path, map_location="cpu", weights_only=False)


def _not_a_state(path: Path, found: str) -> InputError:
    return InputError(f"{path}: expected the state dict of a hippynn model, found {found}")
