"""hippynn's own network on given pairs, and ours with the same weights, atoms and pairs."""

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import hippynn
import torch
from ase import Atoms
from hippynn.layers.targets import HEnergy
from hippynn.networks.hiphop import HipHopNNModule
from hippynn.networks.hipnn import Hipnn, HipnnQuad, HipnnVec

from benchmarks.models import published_file
from benchmarks.water import water_cube
from hipnn_ts.export.exported import FusedPotential
from hipnn_ts.hippynn import import_hippynn
from hipnn_ts.hippynn.settings import ImportSettings
from hipnn_ts.model import derivatives
from hipnn_ts.model.potential import Potential
from hipnn_ts.neighbours import neighbour_pairs

hippynn.settings.WARN_LOW_DISTANCES = False
SPECIES = (1, 6, 7, 8)


class Peer(torch.nn.Module):
    """Energies and forces by hippynn; the state dict is one that hipnn-ts imports."""

    def __init__(self, l_max: int, n_features: int, n_max: int | None = None):
        super().__init__()
        kind, options = (Hipnn, HipnnVec, HipnnQuad, None)[l_max], {}
        if n_max is not None:
            kind, options = HipHopNNModule, {"l_max": l_max, "n_max": n_max}
        network = kind(
            n_features,
            n_sensitivities=20,
            dist_soft_min=0.75,
            dist_soft_max=5.5,
            dist_hard_max=6.5,
            n_atom_layers=4,
            n_interaction_layers=2,
            possible_species=[0, *SPECIES],
            **options,
        )
        self.l_max = l_max
        self.moddict = torch.nn.ModuleDict(
            {"network": network, "energy": HEnergy(network.feature_sizes)}
        )

    def load_published(self) -> None:
        """The weights of the published ANI-1x potential: network node 16, readout node 18."""
        published = torch.load(published_file(), map_location="cpu", weights_only=True)
        names = {"moddict.node16.": "moddict.network.", "moddict.node18.": "moddict.energy."}
        state = {
            ours + name.removeprefix(theirs): value
            for theirs, ours in names.items()
            for name, value in published.items()
            if name.startswith(theirs)
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the file is older than hippynn's cusp_reg entry
            self.load_state_dict(state, strict=False)
        for layer in self.moddict["network"].interaction_layers:
            layer.cusp_reg = 1e-30

    def energy(self, species, receivers, senders, positions, shifts) -> torch.Tensor:
        """Total energy, differentiable with respect to the positions if these require it."""
        vectors = positions[senders] + shifts - positions[receivers]
        one_hot = torch.nn.functional.one_hot(species, len(SPECIES)).to(positions.dtype)
        pairs = (receivers, senders, vectors.norm(dim=1)) + ((vectors,) if self.l_max else ())
        features = self.moddict["network"](one_hot, *pairs)
        return self.moddict["energy"](features, torch.zeros_like(species), 1)[0].sum()

    def step(self, species, receivers, senders, positions, shifts):
        """Energy and forces, as a step of molecular dynamics needs them."""
        leaf = positions.detach().requires_grad_(True)
        energy = self.energy(species, receivers, senders, leaf, shifts)
        return energy.detach(), -torch.autograd.grad(energy, leaf)[0]


def use_kernel(name: str) -> None:
    """Make hippynn use the kernel that it calls ``name``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hippynn.custom_kernels.set_custom_kernels(name)


def with_kernel(kernel: str, call: Callable) -> Callable:
    """Wrap ``call`` so that it uses one of hippynn's kernels."""

    def run():
        use_kernel(kernel)
        return call()

    return run


def species_of(numbers) -> torch.Tensor:
    """Indices of atomic numbers into SPECIES."""
    return torch.tensor([SPECIES.index(number) for number in numbers])


class Pairs:
    """Species, and pairs listed in advance, in the form that each side takes."""

    def __init__(self, atoms: Atoms, cutoff: float):
        receivers, senders, shifts = neighbour_pairs(
            atoms.positions, atoms.cell.array, atoms.pbc, cutoff
        )
        exact = atoms.positions[senders] + shifts - atoms.positions[receivers]
        self.n_atoms = len(atoms)
        self.species = species_of(atoms.numbers)
        self.receivers, self.senders = torch.from_numpy(receivers), torch.from_numpy(senders)
        self.positions = torch.from_numpy(atoms.positions).float()
        self.shifts = torch.from_numpy(shifts).float()
        self.vectors = torch.from_numpy(exact).float()

    @property
    def ours(self) -> tuple[torch.Tensor, ...]:
        """Arguments of our network."""
        return self.species, self.receivers, self.senders, self.vectors

    @property
    def theirs(self) -> tuple[torch.Tensor, ...]:
        """Arguments of hippynn's network."""
        return self.species, self.receivers, self.senders, self.positions, self.shifts

    def forces(self, gradients: torch.Tensor) -> torch.Tensor:
        """Forces on atoms from the energy's gradients with respect to our pair vectors."""
        return derivatives.forces(gradients, self.receivers, self.senders, self.n_atoms)

    def cuda(self) -> "Pairs":
        """Move the tensors to the GPU, in place."""
        vars(self).update(
            {name: v.cuda() for name, v in vars(self).items() if isinstance(v, torch.Tensor)}
        )
        return self


def imported(peer: Peer) -> Potential:
    """Our potential with the peer's weights, imported as a user would."""
    settings = ImportSettings(energy_unit="eV", cutoff=6.5, elements=("H", "C", "N", "O"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "best_model.pt"
        torch.save(peer.state_dict(), path)
        return import_hippynn(path, settings)[0]


class Case:
    """A network of ours and hippynn's with the same weights, on a box of water."""

    def __init__(
        self,
        l_max: int,
        n_features: int,
        n_atoms: int,
        published: bool = False,
        n_max: int | None = None,
    ):
        torch.manual_seed(0)
        self.peer = Peer(l_max, n_features, n_max)
        if published:
            self.peer.load_published()
        self.potential = imported(self.peer)
        self.fused = torch.jit.script(FusedPotential(self.potential, torch.float32))
        self.pairs = Pairs(water_cube(n_atoms), self.potential.config.cutoff)
        self.n_atoms = self.pairs.n_atoms

    def ours(self):
        """Our energies and forces from the given pairs."""
        energies, gradients = self.fused.energies_and_pair_gradients(*self.pairs.ours)
        return energies, self.pairs.forces(gradients)

    def theirs(self):
        """hippynn's energy and forces from the same pairs with the current kernel."""
        return self.peer.step(*self.pairs.theirs)


def training_sides(potential: Potential, peer: Peer, pairs: Pairs) -> tuple[Callable, Callable]:
    """A training step of each side: energy and force loss, and its backward pass."""
    target = torch.randn_like(pairs.positions)
    parameters = list(potential.parameters())

    def ours():
        leaf = pairs.vectors.clone().requires_grad_(True)
        energies = potential(*pairs.ours[:3], leaf)
        forces = pairs.forces(derivatives.pair_gradients(energies, leaf, create_graph=True))
        potential.zero_grad()
        loss = (forces - target).square().mean() + energies.sum() ** 2
        loss.backward(inputs=parameters)  # as hipnn_ts.training.loop

    def theirs():
        leaf = pairs.positions.clone().requires_grad_(True)
        energy = peer.energy(*pairs.theirs[:3], leaf, pairs.shifts)
        forces = -torch.autograd.grad(energy, leaf, create_graph=True)[0]
        peer.zero_grad()
        ((forces - target).square().mean() + energy**2).backward()

    return ours, theirs
