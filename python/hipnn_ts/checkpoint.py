"""Checkpoints, which training and import write and export reads. They never contain pickled
code."""

import io
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import ConfigDict

from hipnn_ts.archives import load_tensors
from hipnn_ts.errors import InputError
from hipnn_ts.files import replacing
from hipnn_ts.kinds import CHECKPOINT_FORMAT, Kind, kind_of
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.uncertainty import Uncertainty
from hipnn_ts.validation import Section, validated

FORMAT_VERSION = 1
UNCERTAINTY_VERSION = 2  # format of checkpoints with an uncertainty, and only of those


class Checkpoint(NamedTuple):
    """The content of a checkpoint; those that import made have no uncertainty."""

    potential: Potential
    provenance: dict[str, Any]
    uncertainty: Uncertainty | None


def save_checkpoint(
    path: str | Path,
    potential: Potential,
    provenance: dict[str, Any],
    uncertainty: Uncertainty | None = None,
) -> None:
    """Write a potential, its provenance and its force uncertainty.

    ``provenance`` contains plain Python values (training data, errors, versions), which are copied
    into the exported file. The file appears completely or not at all.
    """
    content = {
        "format": CHECKPOINT_FORMAT,
        "format_version": FORMAT_VERSION if uncertainty is None else UNCERTAINTY_VERSION,
        "network": potential.config.model_dump(mode="json"),
        "state": potential.state_dict(),
        "provenance": provenance,
    }
    if uncertainty is not None:
        content["uncertainty"] = uncertainty._asdict()
    write_whole(path, content)


def write_whole(path: str | Path, content: Any) -> None:
    """``torch.save`` that leaves an older file unchanged until the new one is complete.

    Raises
    ------
    InputError
        The folder cannot be written to, or the disk is full.
    """
    # Written in memory first: torch reports a full disk as a RuntimeError without its cause.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_checkpoint(path: str | Path) -> tuple[Potential, dict[str, Any]]:
    """Read a potential (in the precision in which it was saved) and its provenance.

    Raises
    ------
    InputError
        The errors of ``read_checkpoint``.
    """
    return read_checkpoint(path)[:2]


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a whole checkpoint, with the potential in the precision in which it was saved.

    Raises
    ------
    InputError
        The file is missing, is not a checkpoint of this package, is damaged, or has a newer format.
    """
    try:
        _refuse_other_kinds(path, kind_of(Path(path).read_bytes()))
        content = load_tensors(Path(path))
    except InputError:  # which is a ValueError
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: expected a hipnn-ts checkpoint, found {error}") from error
    if not isinstance(content, dict) or content.get("format") != CHECKPOINT_FORMAT:
        raise InputError(f"{path}: expected a hipnn-ts checkpoint, found {_described(content)}")
    version = content.get("format_version")
    if version not in (FORMAT_VERSION, UNCERTAINTY_VERSION):
        raise InputError(
            f"{path}: checkpoint format {version}, this hipnn-ts reads formats {FORMAT_VERSION} to "
            f"{UNCERTAINTY_VERSION}"
        )
    checked = validated(_Content, content, str(path))
    # Checked before memory is allocated, because a damaged file may claim any size.
    smallest = checked.network.n_matrix_elements * torch.float32.itemsize
    if smallest > Path(path).stat().st_size:
        raise InputError(
            f"{path}: expected at least {smallest} bytes for the network that it describes, found "
            f"{Path(path).stat().st_size}"
        )
    with torch.random.fork_rng(devices=[]):
        potential = Potential(checked.network)
    try:
        potential.to(checked.state["readouts.0.weight"].dtype)
        potential.load_state_dict(checked.state)
    except (KeyError, RuntimeError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).splitlines()[:2])
        raise InputError(
            f"{path}: the checkpoint does not fit its own architecture: {reason}"
        ) from error
    _check_tensors(path, potential)
    uncertainty = None
    if checked.uncertainty is not None:
        uncertainty = Uncertainty(**checked.uncertainty.model_dump())
        _check_uncertainty(path, potential, uncertainty)
    return Checkpoint(potential, checked.provenance, uncertainty)


# The cure for a file of another kind.
_CURES = {
    Kind.EXPORTED: "; engines read it as it is, its checkpoint is the best.ckpt of its training",
    Kind.STATE: "; the checkpoint is {folder}/best.ckpt",
    Kind.SCRIPT: "",
}


def _refuse_other_kinds(path: str | Path, kind: Kind) -> None:
    if kind in _CURES:
        found = kind.value + _CURES[kind].format(folder=Path(path).parent)
        raise InputError(f"{path}: expected a hipnn-ts checkpoint, found {found}")


def _described(content: Any) -> str:
    """The name of something that torch could load and that is not a checkpoint."""
    if isinstance(content, dict) and content and all(map(torch.is_tensor, content.values())):
        return "weights without their network; 'hipnn-ts import-hippynn' reads those of hippynn"
    return "another kind of file"


class _Uncertainty(Section):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    means: torch.Tensor
    whitening: torch.Tensor
    scale: torch.Tensor
    facts: dict[str, Any]


class _Content(Section):
    format: str
    format_version: int
    network: NetworkConfig
    state: dict[str, Any]
    provenance: dict[str, Any]
    uncertainty: _Uncertainty | None = None


def _check_tensors(path: str | Path, potential: Potential) -> None:
    """Check for one precision and finite numbers."""
    precision = potential.readouts[0].weight.dtype
    for name, tensor in potential.state_dict().items():
        wanted = torch.float64 if name == "self_energies" else precision
        if tensor.dtype != wanted or wanted not in (torch.float32, torch.float64):
            raise InputError(f"{path}: {name}: expected {wanted}, found {tensor.dtype}")
        if not tensor.isfinite().all():
            raise InputError(f"{path}: {name}: expected finite numbers, found some that are not")


def _check_uncertainty(path: str | Path, potential: Potential, uncertainty: Uncertainty) -> None:
    """Check for shapes that fit the network, and finite numbers."""
    n_species, n_features = len(potential.config.elements), sum(potential.config.n_features)
    shapes = {
        "means": (n_species, n_features),
        "whitening": (n_species, n_features * (n_features + 1) // 2),
        "scale": (n_species,),
    }
    for name, shape in shapes.items():
        tensor = getattr(uncertainty, name)
        if tensor.dtype != torch.float64 or tensor.shape != shape:
            raise InputError(
                f"{path}: uncertainty: {name}: expected {torch.float64} of shape {shape}, found "
                f"{tensor.dtype} of shape {tuple(tensor.shape)}"
            )
        if not tensor.isfinite().all():
            raise InputError(
                f"{path}: uncertainty: {name}: expected finite numbers, found some that are not"
            )
    if not (uncertainty.scale > 0).all():
        raise InputError(
            f"{path}: uncertainty: scale: expected numbers above 0, found "
            f"{uncertainty.scale.min():g}"
        )
