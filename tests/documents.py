"""Change the documents of fused potentials, and make the tensors that format 1 had instead."""

import json
import struct
from pathlib import Path

import numpy as np
import torch

from hipnn_ts.export.document import read_document, write_document
from hipnn_ts.export.packing import pack_potential

FORMATS = Path(__file__).parent / "formats"  # one folder of files per format


def network_of(document: bytes) -> dict:
    """Return the description of the network in a document."""
    (n,) = struct.unpack_from("<Q", document)
    return json.loads(json.loads(document[8 : 8 + n])["__metadata__"]["network"])


def changed(document: bytes, network=None, **tensors) -> bytes:
    """Return the document with changed network keys and changed tensors; None removes a tensor.

    Two underscores in a keyword stand for a dot in the tensor's name.
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
    """Return weights, sizes and scalars as in files of format 1, without self-energies."""
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
