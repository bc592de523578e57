"""Named weights in the layout that the fused kernels read.

Names and shapes must match csrc/core/model_file/network_tensors.cpp.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from hipnn_ts.export.document import describe, write_document
from hipnn_ts.model.layers import Block, InteractionLayer
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.uncertainty import Uncertainty

PANEL_WIDTH = 32
WINDOW_BINS = 1024
WINDOW_PADDING = 8

Named = dict[str, Tensor]


def document_of_potential(*members: Potential, uncertainty: Uncertainty | None = None) -> Tensor:
    """The potential as a document, (bytes,) uint8, in its precision, with its force uncertainty; or
    several potentials of one shape, the members of a committee."""
    first = members[0]
    dtype = str(first.readouts[0].weight.dtype).removeprefix("torch.")
    tensors = pack_potential(first)
    if len(members) > 1:
        tensors = {}
        for k, member in enumerate(members):
            tensors |= _under(f"members.{k}", pack_potential(member))
    if uncertainty is not None:
        own = _pack_uncertainty(uncertainty, first.readouts[0].weight.dtype)
        tensors |= _under("uncertainty", own)
    packed = {name: tensor.detach().cpu().contiguous().numpy() for name, tensor in tensors.items()}
    document = write_document(
        describe(first.config, dtype, len(members), uncertainty is not None), packed
    )
    return torch.frombuffer(bytearray(document), dtype=torch.uint8)


def pack_potential(potential: Potential) -> Named:
    """Every tensor of the document, in the order of the kernels."""
    out = {"self_energies": potential.self_energies}
    for k, (block, readout) in enumerate(zip(potential.blocks, potential.readouts, strict=True)):
        own = _pack_block(block, k == 0)
        own |= {"readout.weights": readout.weight.squeeze(0), "readout.bias": readout.bias}
        out |= _under(f"blocks.{k}", own)
    return out


def _pack_uncertainty(uncertainty: Uncertainty, dtype: torch.dtype) -> Named:
    return {
        "means": uncertainty.means.to(dtype),
        "whitening": uncertainty.whitening.to(dtype),
        "scale": uncertainty.scale.to(dtype),
    }


def _pack_block(block: Block, first: bool) -> Named:
    out = _under("interaction", _pack_interaction(block.interaction, first))
    out |= _pack_linear("outer", block.outer)
    out |= _pack_linear("adjust", block.adjust)
    for k, layer in enumerate(block.onsite):
        out |= _pack_linear(f"on_site.{k}.inner", layer.inner)
        out |= _pack_linear(f"on_site.{k}.outer", layer.outer)
    return out


def _pack_interaction(layer: InteractionLayer, first: bool) -> Named:
    order = torch.argsort(1.0 / layer.mu)
    inverse_mu, sigma, weights = 1.0 / layer.mu[order], layer.sigma[order], layer.weights[order]
    first_active, n_active = window_table(inverse_mu, sigma, layer.cutoff)
    out = {
        "inverse_mu": pad(inverse_mu, (0, WINDOW_PADDING)),
        "sigma": pad(sigma, (0, WINDOW_PADDING)),
        "window_first": first_active,
        "window_count": n_active,
    }
    out |= {f"scales.{order}": values for order, values in enumerate(layer.scales, 1)}
    bias = layer.self_interaction.bias
    if layer.polynomials is not None:
        mixing, shift = layer.polynomials.folded()
        out |= _pack_matrix("polynomials.mixing", mixing)
        bias = bias + shift
    if first:
        out["table"] = weights.permute(2, 0, 1)
    else:
        out |= _pack_matrix("projection", weights.flatten(0, 1))
    out |= _pack_linear("self_interaction", layer.self_interaction)
    return out | {"self_interaction.bias": bias}


def _pack_linear(name: str, layer: nn.Linear | None) -> Named:
    if layer is None:
        return {}
    bias = {} if layer.bias is None else {f"{name}.bias": layer.bias}
    return _pack_matrix(name, layer.weight) | bias


def _pack_matrix(name: str, weight: Tensor) -> Named:
    """(n_out, n_in) as panels for ``x Wᵀ`` and for ``y W``."""
    return {f"{name}.forward": _panels(weight.t()), f"{name}.backward": _panels(weight)}


def _under(prefix: str, tensors: Named) -> Named:
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def _panels(matrix: Tensor) -> Tensor:
    """(K, N) -> (ceil(N / PANEL_WIDTH), K, PANEL_WIDTH), zero-padded."""
    depth, width = matrix.shape
    padded = pad(matrix, (0, -width % PANEL_WIDTH))
    return padded.reshape(depth, -1, PANEL_WIDTH).permute(1, 0, 2)


def window_table(inverse_mu: Tensor, sigma: Tensor, cutoff: float) -> list[Tensor]:
    """First and number of the sensitivities that matter in each bin of distance.

    A sensitivity is left out of a bin if both its value and its slope in the distance (1/Å) stay
    below the machine epsilon of its precision in the whole bin, whatever the widths. The slope
    counts because narrow sensitivities at short distance are steep, which affects forces.

    Parameters
    ----------
    inverse_mu, sigma : Tensor, (V,), 1/Å and Å, sorted by centre

    Returns
    -------
    list of Tensor
        first and count, (WINDOW_BINS,) int16; bins of equal width over [0, cutoff].
    """
    edges = torch.linspace(0.0, cutoff, WINDOW_BINS + 1, dtype=torch.float64)
    # Rounding may move a distance at an edge into the adjacent bin.
    slack = 1e-6 * cutoff
    near, far = (edges[:-1] - slack).clamp(min=1e-12)[:, None], (edges[1:] + slack)[:, None]
    centre, width = inverse_mu.detach().double(), sigma.detach().double().abs()
    gap = torch.maximum(centre - 1.0 / near, 1.0 / far - centre).clamp(min=0.0)
    z = gap * width
    # z exp(-z^2 / 2) decreases beyond 1; the envelope cos^2 and its slope are at the bin's near
    # edge.
    envelope = torch.cos(0.5 * math.pi / cutoff * near.clamp(max=cutoff)).square()
    steepest = math.pi / cutoff * envelope.sqrt() + envelope * z.clamp(min=1.0) * width / near**2
    bound = torch.exp(-0.5 * z.square()) * torch.maximum(envelope, steepest)
    active = bound > torch.finfo(sigma.dtype).eps
    index = torch.arange(len(centre))
    first = torch.where(active, index, len(centre)).amin(dim=1)
    last = torch.where(active, index, -1).amax(dim=1)
    count = (last - first + 1).clamp(min=0)
    return [torch.where(count > 0, first, 0).to(torch.int16), count.to(torch.int16)]
