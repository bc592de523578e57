"""The document with the weights of a fused potential: named tensors and a description of the
network.

It is a safetensors document (https://github.com/huggingface/safetensors#format). Its metadata have
one key, ``network``, with a JSON text that contains everything on which names and shapes of the
tensors depend. C++ code (``csrc/core/model_file``) checks the content, for all engines alike.
"""

import json
import struct
from typing import Any

import numpy as np

from hipnn_ts.model.config import NORMALISATION_EPSILON, NetworkConfig

_ALIGNMENT = 8  # alignment of the data, by blanks after the header
_LENGTH = struct.Struct("<Q")  # bytes before the header that hold its length
_TYPES = {"int16": "I16", "float32": "F32", "float64": "F64"}


def describe(
    network: NetworkConfig, dtype: str, members: int = 1, uncertain: bool = False
) -> dict[str, Any]:
    """The description of a network in a document, in a precision ("float32" or "float64"), of
    several such networks, the members of a committee, or of one with force uncertainty."""
    out = {
        "dtype": dtype,
        "elements": list(network.elements),
        "invariants": network.invariants,
        "l_max": network.l_max,
        "n_sensitivities": network.n_sensitivities,
        "n_atom_layers": network.n_atom_layers,
        "n_features": list(network.n_features),
        "n_middle_features": list(network.middle_features),
        "residual": network.residual,
        "cutoff": float(network.cutoff),
        "cusp_regularisation": float(network.cusp_regularisation),
    }
    if network.invariants == "polynomials":
        out["n_max"] = network.factors
        out["normalisation"] = "group" if network.normalised else "none"
        out["normalisation_epsilon"] = network.normalisation_epsilon or NORMALISATION_EPSILON
    if network.zbl is not None:
        out["zbl"] = _repulsion(network)
    out |= {"uncertainty": True} if uncertain else {}
    return out if members == 1 else out | {"members": members}


def _repulsion(network: NetworkConfig) -> list[float] | dict[str, list[float]]:
    """One pair of radii if all are the same, as C++ writes it."""
    first, *others = network.repulsion_radii
    if all(radii == first for radii in others):
        return list(first)
    return network.model_dump(mode="json")["zbl"]


def write_document(network: dict[str, Any], tensors: dict[str, np.ndarray]) -> bytes:
    """The document with these named tensors, in their order."""
    header: dict[str, Any] = {"__metadata__": {"network": json.dumps(network)}}
    end = 0
    for name, tensor in tensors.items():
        begin, end = end, end + tensor.nbytes
        header[name] = {
            "dtype": _TYPES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return b"".join([_LENGTH.pack(len(text)), text, *(each.tobytes() for each in tensors.values())])


def read_document(document: bytes) -> dict[str, np.ndarray]:
    """The named tensors of a document that C++ has checked; do not write to them."""
    (n_header,) = _LENGTH.unpack_from(document)
    header = json.loads(document[_LENGTH.size : _LENGTH.size + n_header])
    start = _LENGTH.size + n_header
    types = {ours: np.dtype(name) for name, ours in _TYPES.items()}
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            values = np.frombuffer(document[start + begin : start + end], types[entry["dtype"]])
            tensors[name] = values.reshape(entry["shape"])
    return tensors
