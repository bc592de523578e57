"""The geometry of pairs, as all interaction layers need it."""

from typing import NamedTuple

import torch
from torch import Tensor

from hipnn_ts import operators as _operators  # noqa: F401  registers torch.ops.hipnn_ts
from hipnn_ts.operators import reference


class PairGeometry(NamedTuple):
    """For P directed pairs: computed once and read by every interaction layer."""

    distances: Tensor
    """(P,), Å"""
    inverse_distances: Tensor
    """(P,), 1/Å"""
    envelopes: Tensor
    """(P,), cos²(πr/2R)"""
    components: Tensor
    """(P, C), of 1, u and u uᵀ - I/3"""


def pair_geometry(vectors: Tensor, l_max: int, cutoff: float) -> PairGeometry:
    """Geometry of pairs with ``vectors`` (P, 3) in Å, none of them zero."""
    distances = torch.linalg.vector_norm(vectors, dim=1)
    inverse = 1.0 / distances
    return PairGeometry(
        distances,
        inverse,
        reference.envelopes(distances, cutoff),
        reference.tensor_components(vectors * inverse.unsqueeze(1), l_max),
    )


def fused_pair_geometry(vectors: Tensor, l_max: int, cutoff: float) -> PairGeometry:
    """The same with this package's operator."""
    distances, inverse, envelopes, components = torch.ops.hipnn_ts.pair_geometry(
        vectors, (l_max + 1) * (l_max + 1), cutoff
    )
    return PairGeometry(distances, inverse, envelopes, components)
