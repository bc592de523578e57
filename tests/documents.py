"""Documents of fused potentials, changed; and what files of format 1 had in their place."""

import json
import struct
from pathlib import Path

import numpy as np
import torch

from hipnn_ts.export.document import read_document, write_document
from hipnn_ts.export.packing import pack_potential

FORMATS = Path(__file__).parent / "formats"  # a folder of files of each format


def network_of(document: bytes) -> dict:
    """What the document says of the network."""
    (n,) = struct.unpack_from("<Q", document)
    return json.loads(json.loads(document[8 : 8 + n])["__metadata__"]["network"])


def changed(document: bytes, network=None, **tensors) -> bytes:
    """The document with other values of the network's keys, and of tensors (None leaves one out).

    Dots in names of tensors are written as two underscores here.
    """
    arrays = read_document(document)
    for key, values in tensors.items():
        name = key.replace("__", ".")
        if values is None:
            del arrays[name]
        else:
            arrays[name] = np.ascontiguousarray(values)
    return write_document(network_of(document) | (network or {}), arrays)


def as_tensor(document: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(document), dtype=torch.uint8)


def format_1_parts(potential, dtype):
    """Weights, sizes and scalars as hipnn-ts exported them in format 1, self energies left out."""
    config = potential.config
    tensors = pack_potential(potential.to(dtype))
    del tensors["self_energies"]
    last_before = f"scales.{config.l_max}" if config.l_max else "window_count"
    weights = []
    for name, tensor in tensors.items():
        weights.append(tensor.detach().contiguous())
        if name.endswith(last_before):  # scales of the orders beyond l_max were empty
            weights += [torch.zeros(0, dtype=dtype)] * (2 - config.l_max)
    sizes = [config.l_max, config.n_sensitivities, config.n_atom_layers, int(config.residual)]
    widths = [len(config.elements), *config.n_features]
    for k, middle in enumerate(config.middle_features):
        sizes += [widths[k], middle, widths[k + 1]]
    scalars = [config.cutoff, config.cusp_regularisation]
    if config.zbl is not None:
        scalars += [*config.zbl, *map(float, config.atomic_numbers)]
    return weights, sizes, scalars
