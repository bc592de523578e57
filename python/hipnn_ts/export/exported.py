"""The module inside an exported file: what every engine calls."""

import torch
from torch import Tensor

from hipnn_ts.model import derivatives
from hipnn_ts.model.potential import Potential

FORMAT_VERSION = 1


class ExportedPotential(Potential):
    """A potential frozen for inference, with what an engine must know as attributes.

    Engines without Python read the attributes; the same values stand in the file's JSON
    metadata for people. Energies in eV, lengths in Å.
    """

    def __init__(self, potential: Potential, portable: bool, dtype: torch.dtype):
        super().__init__(potential.config, fused=not portable)
        self.to(dtype)
        self.load_state_dict(potential.state_dict())
        self.requires_grad_(False).eval()
        self.format_version = FORMAT_VERSION
        self.portable = portable
        self.elements = list(self.config.elements)
        self.atomic_numbers = list(self.config.atomic_numbers)
        self.cutoff = float(self.config.cutoff)
        # Width of the features that enter each block: what ranks exchange between layers.
        self.n_block_inputs = [len(self.elements), *self.config.n_features[:-1]]

    @torch.jit.export
    def energies_and_pair_gradients(
        self, species: Tensor, receivers: Tensor, senders: Tensor, vectors: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Atomic energies and their derivative with respect to the pair vectors.

        The caller leaves torch's gradient mode on: the portable flavour needs it.

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
