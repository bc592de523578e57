"""Weights in the layout that the fused kernels read.

The order of the tensors is the contract with csrc/torch/packed.cpp.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from hipnn_ts.model.layers import Block
from hipnn_ts.model.potential import Potential

PANEL_WIDTH = 32
WINDOW_BINS = 1024
WINDOW_PADDING = 8
ORDERS = 2  # whose scales a file always has, perhaps empty


def pack_potential(potential: Potential) -> tuple[list[Tensor], list[int], list[float]]:
    """The potential's weights, sizes and scalars for ``hipnn_ts::energies_and_pair_gradients``."""
    config = potential.config
    sizes = [config.l_max, config.n_sensitivities, config.n_atom_layers, int(config.residual)]
    weights = []
    widths = [len(config.elements), *config.n_features]
    for k, block in enumerate(potential.blocks):
        sizes += [widths[k], config.middle_features[k], widths[k + 1]]
        weights += _pack_block(block, k == 0)
        readout = potential.readouts[k]
        weights += [readout.weight.squeeze(0), readout.bias]
    packed = [tensor.detach().clone().contiguous() for tensor in weights]
    scalars = [config.cutoff, config.cusp_regularisation]
    if config.zbl is not None:
        scalars += [*config.zbl, *map(float, config.atomic_numbers)]
    return packed, sizes, scalars


def _pack_block(block: Block, first: bool) -> list[Tensor]:
    interaction = block.interaction
    order = torch.argsort(1.0 / interaction.mu)
    inverse_mu, sigma = 1.0 / interaction.mu[order], interaction.sigma[order]
    weights = interaction.weights[order]
    out = [pad(inverse_mu, (0, WINDOW_PADDING)), pad(sigma, (0, WINDOW_PADDING))]
    out += window_table(inverse_mu, sigma, interaction.cutoff)
    scales = list(interaction.scales)
    out += scales + [interaction.mu[:0]] * (ORDERS - len(scales))
    if first:
        out.append(weights.permute(2, 0, 1))
    else:
        out += _pack_matrix(weights.flatten(0, 1))
    out += _pack_linear(interaction.self_interaction, True)
    out += _pack_linear(block.outer, block.outer is not None)
    out += _pack_linear(block.adjust, block.adjust is not None)
    for layer in block.onsite:
        out += _pack_linear(layer.inner, True)
        out += _pack_linear(layer.outer, layer.outer is not None)
    return out


def _pack_linear(layer: nn.Linear | None, present: bool) -> list[Tensor]:
    if not present:
        return []
    return _pack_matrix(layer.weight) + ([] if layer.bias is None else [layer.bias])


def _pack_matrix(weight: Tensor) -> list[Tensor]:
    """(n_out, n_in) as panels for ``x Wᵀ`` and for ``y W``."""
    return [_panels(weight.t()), _panels(weight)]


def _panels(matrix: Tensor) -> Tensor:
    """(K, N) -> (ceil(N / PANEL_WIDTH), K, PANEL_WIDTH), zero-padded."""
    depth, width = matrix.shape
    padded = pad(matrix, (0, -width % PANEL_WIDTH))
    return padded.reshape(depth, -1, PANEL_WIDTH).permute(1, 0, 2)


def window_table(inverse_mu: Tensor, sigma: Tensor, cutoff: float) -> list[Tensor]:
    """First and number of the sensitivities that matter in each bin of distance.

    A sensitivity is left out of a bin where both its value and its slope in the distance (1/Å)
    stay below the machine epsilon of its precision all over the bin, whatever the widths. The
    slope counts because narrow sensitivities at short distance are steep: forces see it.

    Parameters
    ----------
    inverse_mu, sigma : Tensor, (V,), 1/Å and Å, sorted by centre

    Returns
    -------
    list of Tensor
        first and count, (WINDOW_BINS,) int16; bins of equal width over [0, cutoff].
    """
    edges = torch.linspace(0.0, cutoff, WINDOW_BINS + 1, dtype=torch.float64)
    # A distance at an edge may be rounded into the bin beside it.
    slack = 1e-6 * cutoff
    near, far = (edges[:-1] - slack).clamp(min=1e-12)[:, None], (edges[1:] + slack)[:, None]
    centre, width = inverse_mu.detach().double(), sigma.detach().double().abs()
    gap = torch.maximum(centre - 1.0 / near, 1.0 / far - centre).clamp(min=0.0)
    z = gap * width
    # z exp(-z^2 / 2) falls beyond 1; the envelope cos^2 and its slope at the bin's near edge.
    envelope = torch.cos(0.5 * math.pi / cutoff * near.clamp(max=cutoff)).square()
    steepest = math.pi / cutoff * envelope.sqrt() + envelope * z.clamp(min=1.0) * width / near**2
    bound = torch.exp(-0.5 * z.square()) * torch.maximum(envelope, steepest)
    active = bound > torch.finfo(sigma.dtype).eps
    index = torch.arange(len(centre))
    first = torch.where(active, index, len(centre)).amin(dim=1)
    last = torch.where(active, index, -1).amax(dim=1)
    count = (last - first + 1).clamp(min=0)
    return [torch.where(count > 0, first, 0).to(torch.int16), count.to(torch.int16)]
