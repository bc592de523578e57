"""From an exported file back to the model: the plain-torch reference of what the engines run."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hipnn_ts.export.metadata import Metadata
from hipnn_ts.export.packing import ORDERS
from hipnn_ts.model.layers import Block
from hipnn_ts.model.potential import Potential


def plain_potential(module: torch.jit.ScriptModule, metadata: Metadata) -> Potential:
    """The file's weights, whatever its precision and flavour, in plain torch and float64."""
    potential = Potential(metadata.network, fused=False)
    if module.portable:
        potential.to(getattr(torch, metadata.dtype)).load_state_dict(module.state_dict())
        return potential.double()
    packed = iter(module.weights)
    with torch.no_grad():
        for k, block in enumerate(potential.blocks):
            _unpack_block(block, k == 0, packed)
            readout = potential.readouts[k]
            readout.weight.data = next(packed).unsqueeze(0)
            readout.bias.data = next(packed)
    potential.self_energies.data = module.self_energies
    return potential.double()


def _unpack_block(block: Block, first: bool, packed: Iterator[Tensor]) -> None:
    """The order is that of ``packing``; sensitivities stay sorted, which changes no result."""
    interaction = block.interaction
    n_sensitivities, n_out, n_in = interaction.weights.shape
    interaction.mu.data = 1.0 / next(packed)[:n_sensitivities]
    interaction.sigma.data = next(packed)[:n_sensitivities]
    next(packed), next(packed)  # which sensitivities matter at a distance: no weights
    orders = len(interaction.scales)
    rows = [next(packed) for _ in range(max(orders, ORDERS))]
    if orders:
        interaction.scales.data = torch.stack(rows[:orders])
    if first:
        interaction.weights.data = next(packed).permute(1, 2, 0)
    else:
        matrix = _unpack_matrix(packed, n_sensitivities * n_out)
        interaction.weights.data = matrix.reshape(n_sensitivities, n_out, n_in)
    _unpack_linear(interaction.self_interaction, packed)
    _unpack_linear(block.outer, packed)
    _unpack_linear(block.adjust, packed)
    for layer in block.onsite:
        _unpack_linear(layer.inner, packed)
        _unpack_linear(layer.outer, packed)


def _unpack_linear(layer: nn.Linear | None, packed: Iterator[Tensor]) -> None:
    if layer is None:
        return
    layer.weight.data = _unpack_matrix(packed, layer.out_features)
    if layer.bias is not None:
        layer.bias.data = next(packed)


def _unpack_matrix(packed: Iterator[Tensor], n_out: int) -> Tensor:
    """(n_out, n_in) of its panels for ``x Wᵀ``; those for ``y W`` are passed over."""
    panels = next(packed)
    next(packed)
    return panels.permute(1, 0, 2).flatten(1)[:, :n_out].t()
