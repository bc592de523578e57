"""Comparison of a loaded file with its metadata."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hipnn_ts.errors import InputError
from hipnn_ts.export.file import check_description
from hipnn_ts.export.metadata import Metadata
from hipnn_ts.export.unpacking import document_of
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.layers import stack_scales
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.repulsion import Repulsion

# methods that engines call
METHODS = {
    "fused": ("energies_and_pair_gradients",),
    "portable": ("energies_and_pair_gradients", "encode", "block"),
}


def check_contents(
    path: str, n_bytes: int, module: torch.jit.ScriptModule, metadata: Metadata
) -> None:
    """Compare attributes, methods, and number, shapes, types and finiteness of all tensors.

    ``n_bytes`` is the size of the file.

    Raises
    ------
    InputError
        They differ; the message begins with ``path``.
    """
    network = metadata.network
    expected = {
        "format_version": metadata.format_version,
        "portable": metadata.flavour == "portable",
        "elements": list(network.elements),
        "atomic_numbers": list(network.atomic_numbers),
        "cutoff": network.cutoff,
    }
    for name, value in expected.items():
        if getattr(module, name, None) != value:
            raise InputError(
                f"{path}: {name}: expected {value}, as the metadata say, found "
                f"{getattr(module, name, None)}"
            )
    for method in METHODS[metadata.flavour]:
        if not hasattr(module, method):
            raise InputError(f"{path}: expected a network with the method {method}, found none")
    if metadata.flavour == "portable":
        _check_portable(path, n_bytes, module, metadata)
    else:
        _check_fused(path, module, metadata)


def _check_fused(path: str, module: torch.jit.ScriptModule, metadata: Metadata) -> None:
    others = list(module.state_dict())
    if others != ([] if metadata.has_document else ["self_energies"]):
        raise InputError(f"{path}: found the tensors {others}, which no exported potential has")
    try:
        n_documents = len(module.weights) if metadata.has_document else 1
        if n_documents != 1:
            raise InputError(f"{path}: expected one document, found {n_documents}")
        # Names, shapes, types and finiteness of all tensors.
        found = torch.ops.hipnn_ts.describe_document(document_of(module))
    except (AttributeError, TypeError, RuntimeError) as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}") from error
    check_description(path, found, metadata)


def _check_portable(
    path: str, n_bytes: int, module: torch.jit.ScriptModule, metadata: Metadata
) -> None:
    network, dtype = metadata.network, getattr(torch, metadata.dtype)
    # Checked before memory is allocated, because metadata of a hostile file may claim any size.
    if network.n_matrix_elements * dtype.itemsize > n_bytes:
        raise InputError(
            f"{path}: expected a file of at least {network.n_matrix_elements * dtype.itemsize} "
            f"bytes for the network that the metadata describe, found {n_bytes}"
        )
    # Only shapes: nothing is computed, and no thread is started that a fork would leave behind.
    with torch.device("meta"):
        tensors = Potential(network, fused=False).to(dtype).state_dict()
    if _repulsion(module) != _coefficients(network):
        raise InputError(
            f"{path}: repulsion: expected that of zbl {network.zbl}, as the metadata say, found "
            "another"
        )
    found = dict(module.state_dict())
    stack_scales(found)
    if found.keys() != tensors.keys():
        raise InputError(
            f"{path}: expected {len(tensors)} tensors, as the metadata say, found {len(found)}"
        )
    for name, tensor in tensors.items():
        _check_tensor(f"{path}: {name}", found[name], tensor)


def _coefficients(network: NetworkConfig) -> list[Any] | None:
    return None if network.zbl is None else _values(Repulsion(network))


def _repulsion(module: nn.Module) -> list[Any] | None:
    """The tensors of a portable potential."""
    own = getattr(module, "repulsion", None)
    return None if own is None else _values(own)


def _values(own: nn.Module) -> list[Any]:
    values = [getattr(own, name, None) for name in ("n_species", "coefficients", "radii", "reach")]
    if not hasattr(own, "radii"):  # earlier files have the same for all pairs
        values[2:] = [[own.inner, own.outer]] * len(own.coefficients), own.outer
    return [value.tolist() if isinstance(value, Tensor) else value for value in values]


def _check_tensor(name: str, found: Tensor, expected: Tensor) -> None:
    if (found.dtype, found.shape) != (expected.dtype, expected.shape):
        raise InputError(
            f"{name}: expected {expected.dtype} of shape {tuple(expected.shape)}, as the metadata "
            f"say, found {found.dtype} of shape {tuple(found.shape)}"
        )
    # With NumPy, which starts no thread for large tensors.
    if not np.isfinite(found.detach().cpu().numpy()).all():
        raise InputError(f"{name}: expected finite numbers, found some that are not")
