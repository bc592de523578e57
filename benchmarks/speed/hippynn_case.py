"""One network on both sides: ours with the peer's weights, on the same atoms and pairs."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.models import published_file
from benchmarks.speed.hippynn_peer import Pairs, Peer, use_kernel
from benchmarks.water import BOXES, water_box
from hipnn_ts.export.exported import FusedPotential
from hipnn_ts.hippynn import import_hippynn
from hipnn_ts.hippynn.settings import ImportSettings
from hipnn_ts.model import derivatives
from hipnn_ts.model.potential import Potential


class Case:
    """A network, with its twin in hippynn, on a box of water."""

    def __init__(
        self,
        l_max: int,
        n_features: int,
        n_atoms: int,
        published: bool = False,
        n_max: int | None = None,
    ):
        torch.manual_seed(0)
        self.peer = Peer(l_max, n_features, n_max=n_max)
        if published:
            self.peer.load_published(published_file())
        self.potential = imported(self.peer)
        self.fused = torch.jit.script(FusedPotential(self.potential, torch.float32))
        self.pairs = Pairs(water_box(*BOXES[n_atoms]), self.potential.config.cutoff)
        self.n_atoms = self.pairs.n_atoms

    def ours(self):
        """Energies and forces from pairs that are given, as hippynn's side."""
        pairs = self.pairs
        energies, gradients = self.fused.energies_and_pair_gradients(*pairs.ours)
        return energies, derivatives.forces(gradients, pairs.receivers, pairs.senders, self.n_atoms)

    def theirs(self):
        """The same by hippynn with the kernel that is set."""
        return self.peer.step(*self.pairs.theirs)


def imported(peer: Peer) -> Potential:
    """Our potential with the peer's weights, by the way a user imports them."""
    settings = ImportSettings(energy_unit="eV", cutoff=6.5, elements=("H", "C", "N", "O"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "best_model.pt"
        torch.save(peer.state_dict(), path)
        return import_hippynn(path, settings)[0]


def with_kernel(kernel: str, call: Callable) -> Callable:
    """The call under one of hippynn's kernels."""

    def run():
        use_kernel(kernel)
        return call()

    return run


def training_sides(potential: Potential, peer: Peer, pairs: Pairs) -> tuple[Callable, Callable]:
    """A training step of each: energy and force loss, back to the parameters."""
    target = torch.randn_like(pairs.positions)
    parameters = list(potential.parameters())

    def ours():
        leaf = pairs.vectors.clone().requires_grad_(True)
        energies = potential(pairs.species, pairs.receivers, pairs.senders, leaf)
        gradients = derivatives.pair_gradients(energies, leaf, create_graph=True)
        forces = derivatives.forces(gradients, pairs.receivers, pairs.senders, pairs.n_atoms)
        potential.zero_grad()
        loss = (forces - target).square().mean() + energies.sum() ** 2
        loss.backward(inputs=parameters)  # as hipnn_ts.training.loop

    def theirs():
        leaf = pairs.positions.clone().requires_grad_(True)
        energy, _ = peer.energy_and_vectors(
            pairs.species, pairs.receivers, pairs.senders, leaf, pairs.shifts
        )
        forces = -torch.autograd.grad(energy, leaf, create_graph=True)[0]
        peer.zero_grad()
        ((forces - target).square().mean() + energy**2).backward()

    return ours, theirs
