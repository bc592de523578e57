"""The modules inside exported files, whose methods engines call.

Both flavours have one interface. Attributes tell an engine what it must know without Python; the
file's JSON metadata repeats the values for people. Energies are in eV, lengths in Å.

format_version : int
portable : bool
elements : list of str, in species order
atomic_numbers : list of int, in species order
cutoff : float, Å
"""

import torch
from torch import Tensor, nn

from hipnn_ts.export.metadata import COMMITTEE_VERSION, FORMAT_VERSION, UNCERTAINTY_VERSION
from hipnn_ts.export.packing import document_of_potential
from hipnn_ts.model import derivatives
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.uncertainty import Uncertainty


def cast(potential: Potential, dtype: torch.dtype) -> Potential:
    """A copy in plain torch."""
    out = Potential(potential.config, fused=False).to(dtype)
    out.load_state_dict(potential.state_dict())
    return out


def _describe(
    module: nn.Module, config: NetworkConfig, portable: bool, version: int = FORMAT_VERSION
) -> None:
    module.format_version = version
    module.portable = portable
    module.elements = list(config.elements)
    module.atomic_numbers = list(config.atomic_numbers)
    module.cutoff = float(config.cutoff)


class PortablePotential(Potential):
    """Plain TorchScript, for any libtorch without this package's library.

    ``n_block_inputs`` is the width of the features that enter each block.
    """

    def __init__(self, potential: Potential, dtype: torch.dtype):
        super().__init__(potential.config, fused=False)
        self.to(dtype)
        self.load_state_dict(potential.state_dict())
        self.requires_grad_(False).eval()
        _describe(self, self.config, portable=True)
        self.n_block_inputs = [len(self.elements), *self.config.n_features[:-1]]

    @torch.jit.export
    def energies_and_pair_gradients(
        self, species: Tensor, receivers: Tensor, senders: Tensor, vectors: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Atomic energies and their derivative with respect to the pair vectors.

        The caller leaves torch's gradient mode on.

        Parameters
        ----------
        species : Tensor, (n,), int64
        receivers, senders : Tensor, (P,), int64
        vectors : Tensor, (P, 3), r_sender - r_receiver, Å, either precision

        Returns
        -------
        tuple of Tensor
            atomic energies (n,) float64, eV, and ``dE/dr_p`` (P, 3), eV/Å, in the model's
            precision.
        """
        leaf = vectors.detach().to(self.readouts[0].weight.dtype).requires_grad_(True)
        energies = self.forward(species, receivers, senders, leaf)
        gradients = derivatives.pair_gradients(energies, leaf)
        return energies.detach(), gradients


class FusedPotential(nn.Module):
    """The fused kernels: one operator that unpacks a document once, for one potential or for the
    members of a committee, whose mean it computes. An uncertainty is part of the document.

    ``weights`` contains that document, (bytes,) uint8, as its only tensor. It is a list so that the
    tensor stays in place when the module moves to another device.
    """

    def __init__(
        self,
        potential: Potential,
        dtype: torch.dtype,
        *others: Potential,
        uncertainty: Uncertainty | None = None,
    ):
        super().__init__()
        members = [cast(member, dtype) for member in (potential, *others)]
        self.weights = [document_of_potential(*members, uncertainty=uncertainty)]
        version = COMMITTEE_VERSION if others else FORMAT_VERSION
        if uncertainty is not None:
            version = UNCERTAINTY_VERSION
        _describe(self, potential.config, portable=False, version=version)

    @torch.jit.export
    def energies_and_pair_gradients(
        self, species: Tensor, receivers: Tensor, senders: Tensor, vectors: Tensor
    ) -> tuple[Tensor, Tensor]:
        """See :meth:`PortablePotential.energies_and_pair_gradients`."""
        energies, gradients = torch.ops.hipnn_ts.evaluate(
            species, receivers, senders, vectors, self.weights[0]
        )
        return energies, gradients

    def forward(
        self, species: Tensor, receivers: Tensor, senders: Tensor, vectors: Tensor
    ) -> Tensor:
        """Atomic energies (n,) in eV, float64, self energies included."""
        return self.energies_and_pair_gradients(species, receivers, senders, vectors)[0]
