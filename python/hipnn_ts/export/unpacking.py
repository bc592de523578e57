"""From an exported file back to the model: the plain-torch reference for what engines run."""

from typing import Any

import torch
from torch import Tensor, nn

from hipnn_ts.export.document import read_document
from hipnn_ts.export.metadata import Metadata
from hipnn_ts.model.layers import Block
from hipnn_ts.model.potential import Potential


def document_of(module: torch.jit.ScriptModule) -> Tensor:
    """The document, (bytes,) uint8, of a fused potential of any format."""
    if module.format_version > 1:
        return module.weights[0]
    return torch.ops.hipnn_ts.document_of_format_1(
        module.weights, module.sizes, module.scalars, module.self_energies, module.elements
    )


class MeanPotential(nn.Module):
    """The mean of several potentials of one shape."""

    def __init__(self, members: list[Potential]):
        super().__init__()
        self.members, self.config = nn.ModuleList(members), members[0].config

    def forward(self, *arguments: Tensor) -> Tensor:
        """Arguments and result are those of a member."""
        return torch.stack([member(*arguments) for member in self.members]).mean(dim=0)


def plain_potential(
    module: torch.jit.ScriptModule, metadata: Metadata
) -> Potential | MeanPotential:
    """The file's weights, whatever its precision and flavour, in plain torch and float64."""
    if module.portable:
        potential = Potential(metadata.network, fused=False)
        potential.to(getattr(torch, metadata.dtype)).load_state_dict(module.state_dict())
        return potential.double()
    packed = _Tensors(read_document(document_of(module).cpu().numpy().tobytes()))
    if metadata.members == 1:
        return _unpack_potential(metadata, packed)
    members = [packed.under(f"members.{k}") for k in range(metadata.members)]
    return MeanPotential([_unpack_potential(metadata, member) for member in members])


def _unpack_potential(metadata: Metadata, packed: "_Tensors") -> Potential:
    potential = Potential(metadata.network, fused=False).double()
    for k, block in enumerate(potential.blocks):
        own = packed.under(f"blocks.{k}")
        _unpack_block(block, k == 0, own)
        potential.readouts[k].weight.data = own["readout.weights"].unsqueeze(0)
        potential.readouts[k].bias.data = own["readout.bias"]
    potential.self_energies.data = packed["self_energies"]
    return potential.double()  # the weights as rounded to single precision in the file


class _Tensors:
    """Tensors of a document with a common prefix, by the rest of their names."""

    def __init__(self, arrays: dict[str, Any], prefix: str = ""):
        self._arrays, self._prefix = arrays, prefix

    def under(self, name: str) -> "_Tensors":
        return _Tensors(self._arrays, f"{self._prefix}{name}.")

    def __getitem__(self, name: str) -> Tensor:
        return torch.from_numpy(self._arrays[self._prefix + name].copy())


def _unpack_block(block: Block, first: bool, packed: _Tensors) -> None:
    """Sensitivities stay sorted, which changes no result."""
    interaction, own = block.interaction, packed.under("interaction")
    n_sensitivities, n_out, n_in = interaction.weights.shape
    interaction.mu.data = 1.0 / own["inverse_mu"][:n_sensitivities]
    interaction.sigma.data = own["sigma"][:n_sensitivities]
    for order, scales in enumerate(interaction.scales, 1):
        scales.data.copy_(own[f"scales.{order}"])
    if interaction.polynomials is not None:
        # The file's matrix already includes the normalisation's weight.
        interaction.polynomials.mixing.data = _unpack_matrix(
            own["polynomials.mixing.forward"], n_out
        )
    if first:
        interaction.weights.data = own["table"].permute(1, 2, 0)
    else:
        matrix = _unpack_matrix(own["projection.forward"], n_sensitivities * n_out)
        interaction.weights.data = matrix.reshape(n_sensitivities, n_out, n_in)
    _unpack_linear(interaction.self_interaction, own.under("self_interaction"))
    _unpack_linear(block.outer, packed.under("outer"))
    _unpack_linear(block.adjust, packed.under("adjust"))
    for k, layer in enumerate(block.onsite):
        _unpack_linear(layer.inner, packed.under(f"on_site.{k}.inner"))
        _unpack_linear(layer.outer, packed.under(f"on_site.{k}.outer"))


def _unpack_linear(layer: nn.Linear | None, packed: _Tensors) -> None:
    if layer is None:
        return
    layer.weight.data = _unpack_matrix(packed["forward"], layer.out_features)
    if layer.bias is not None:
        layer.bias.data = packed["bias"]


def _unpack_matrix(panels: Tensor, n_out: int) -> Tensor:
    """(n_out, n_in) from its panels for ``x Wᵀ``."""
    return panels.permute(1, 0, 2).flatten(1)[:, :n_out].t()
