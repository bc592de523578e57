"""A HIP-NN-TS potential: the network, its readout, self energies and an optional repulsion."""

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.geometry import PairGeometry
from hipnn_ts.model.layers import Block
from hipnn_ts.model.operator_sets import operator_set
from hipnn_ts.model.repulsion import Repulsion


class Potential(nn.Module):
    """Atomic energies in eV for atoms with given species and neighbours.

    Atoms are rows: ``species`` (n,) int64 indexes ``config.elements``. Pairs are directed:
    ``receivers``, ``senders`` (P,) int64 and ``vectors`` (P, 3) = r_sender - r_receiver in Å. A
    pair beyond the cutoff contributes nothing; pairs at distance zero are not allowed.

    ``fused`` selects this package's operators; without it the module is plain torch. The module is
    scriptable. An engine that exchanges features between ranks calls :meth:`encode` and
    :meth:`block` layer by layer; all others call :meth:`forward`.
    """

    def __init__(self, config: NetworkConfig, fused: bool = True):
        super().__init__()
        self.config = config
        self.operators = operator_set(fused)
        self.n_species = len(config.elements)
        self.l_max = config.l_max
        self.cutoff = config.cutoff
        self.blocks = nn.ModuleList(
            Block(config, index, fused) for index in range(len(config.n_features))
        )
        self.readouts = nn.ModuleList(nn.Linear(width, 1) for width in config.n_features)
        self.register_buffer("self_energies", torch.zeros(self.n_species, dtype=torch.float64))
        # Without repulsion there is no such attribute: TorchScript would write it into every file.
        if config.zbl is not None:
            self.repulsion = Repulsion(config)

    def _apply(self, fn, recurse=True):
        # Self energies are hartrees and the network's contribution is meV, so they are float64 in
        # every flavour.
        exact = self.self_energies.detach().clone()
        super()._apply(fn, recurse)
        self.self_energies.data = exact.to(self.self_energies.device)
        return self

    def train_self_energies(self) -> None:
        """Let an optimiser change the self energies, which otherwise are constants."""
        values = self.self_energies
        del self.self_energies
        self.self_energies = nn.Parameter(values)

    @torch.jit.export
    def encode(self, species: Tensor) -> Tensor:
        """One-hot features (n, n_species) in the model's precision."""
        return one_hot(species, self.n_species).to(self.readouts[0].weight.dtype)

    @torch.jit.export
    def block(
        self,
        index: int,
        features: Tensor,
        receivers: Tensor,
        senders: Tensor,
        vectors: Tensor,
        n_receivers: int,
    ) -> tuple[Tensor, Tensor]:
        """Block ``index`` (from 0) on the first ``n_receivers`` atoms.

        Parameters
        ----------
        features : Tensor, (n, width), of all atoms, ghosts last
        receivers, senders : Tensor, (P,), int64; receivers are below ``n_receivers``
        vectors : Tensor, (P, 3), Å, in the model's precision
        n_receivers : int

        Returns
        -------
        tuple of Tensor
            new features (n_receivers, width) and atomic energies (n_receivers,) of this block, eV;
            those of the first block include the repulsion.
        """
        geometry = self.operators.geometry(vectors, self.l_max, self.cutoff)
        if hasattr(self, "repulsion") and index == 0:
            species = features.argmax(dim=1)
            repulsion = self.repulsion(species, receivers, senders, vectors, n_receivers)
            out, energies = self._block(index, features, receivers, senders, geometry, n_receivers)
            return out, energies + repulsion
        return self._block(index, features, receivers, senders, geometry, n_receivers)

    def _block(
        self,
        index: int,
        features: Tensor,
        receivers: Tensor,
        senders: Tensor,
        geometry: PairGeometry,
        n_receivers: int,
    ) -> tuple[Tensor, Tensor]:
        out = features
        energies = features.new_zeros(n_receivers)
        # TorchScript unrolls this loop, because a ModuleList has no run-time index there.
        for k, (block, readout) in enumerate(zip(self.blocks, self.readouts, strict=True)):
            if k == index:
                out = block(features, receivers, senders, geometry, n_receivers)
                energies = readout(out).squeeze(1)
        return out, energies

    @torch.jit.export
    def energy_terms(
        self, species: Tensor, receivers: Tensor, senders: Tensor, vectors: Tensor
    ) -> Tensor:
        """Contribution of each block (n, n_blocks) to the atomic energies in eV: the network alone,
        without self energies and repulsion."""
        n_atoms = species.shape[0]
        features = self.encode(species)
        vectors = vectors.to(features.dtype)
        geometry = self.operators.geometry(vectors, self.l_max, self.cutoff)
        terms: list[Tensor] = []
        for index in range(len(self.blocks)):
            features, energies = self._block(index, features, receivers, senders, geometry, n_atoms)
            terms.append(energies)
        return torch.stack(terms, dim=1)

    def forward(
        self, species: Tensor, receivers: Tensor, senders: Tensor, vectors: Tensor
    ) -> Tensor:
        """Atomic energies (n,) in eV, float64, self energies included."""
        terms = self.energy_terms(species, receivers, senders, vectors)
        energies = terms.to(torch.float64).sum(dim=1) + self.self_energies.index_select(0, species)
        if hasattr(self, "repulsion"):
            energies = energies + self.repulsion(
                species, receivers, senders, vectors, species.shape[0]
            )
        return energies
