"""hippynn's own network and energy layer on explicit pairs, with weights that can be imported."""

import warnings

import hippynn
import torch
from ase import Atoms
from hippynn.layers.targets import HEnergy
from hippynn.networks.hiphop import HipHopNNModule
from hippynn.networks.hipnn import Hipnn, HipnnQuad, HipnnVec

from hipnn_ts.neighbours import neighbour_pairs

hippynn.settings.WARN_LOW_DISTANCES = False
SPECIES = (1, 6, 7, 8)


class Peer(torch.nn.Module):
    """Energies and forces by hippynn; the state dict is one that hipnn-ts imports."""

    def __init__(
        self, l_max: int, n_features: int, n_atom_layers: int = 4, n_max: int | None = None
    ):
        super().__init__()
        kind, options = (Hipnn, HipnnVec, HipnnQuad, None)[l_max], {}
        if n_max is not None:
            kind, options = HipHopNNModule, {"l_max": l_max, "n_max": n_max}
        network = kind(
            n_features,
            20,
            0.75,
            5.5,
            6.5,
            n_atom_layers,
            n_interaction_layers=2,
            possible_species=[0, *SPECIES],
            **options,
        )
        self.l_max = l_max
        self.moddict = torch.nn.ModuleDict(
            {"network": network, "energy": HEnergy(network.feature_sizes)}
        )

    def load_published(self, path) -> None:
        """The weights of the published ANI-1x potential: network node 16, readout node 18."""
        published = torch.load(path, map_location="cpu", weights_only=True)
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

    def energy_and_vectors(self, species, receivers, senders, positions, shifts):
        """Total energy and pair vectors; differentiable where the positions ask for it."""
        vectors = positions[senders] + shifts - positions[receivers]
        distances = vectors.norm(dim=1)
        one_hot = torch.nn.functional.one_hot(species, len(SPECIES)).to(positions.dtype)
        pairs = (receivers, senders, distances) + ((vectors,) if self.l_max else ())
        features = self.moddict["network"](one_hot, *pairs)
        energy = self.moddict["energy"](features, torch.zeros_like(species), 1)[0].sum()
        return energy, vectors

    def step(self, species, receivers, senders, positions, shifts):
        """One MD evaluation."""
        leaf = positions.detach().requires_grad_(True)
        energy, _ = self.energy_and_vectors(species, receivers, senders, leaf, shifts)
        return energy.detach(), -torch.autograd.grad(energy, leaf)[0]


def use_kernel(name: str) -> None:
    """Switch hippynn's kernels; its own names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hippynn.custom_kernels.set_custom_kernels(name)


def species_of(numbers) -> torch.Tensor:
    """Indices into SPECIES."""
    return torch.tensor([SPECIES.index(number) for number in numbers])


class Pairs:
    """Atoms as both sides take them: species, and pairs that were listed beforehand."""

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
        """What our network is called with."""
        return self.species, self.receivers, self.senders, self.vectors

    @property
    def theirs(self) -> tuple[torch.Tensor, ...]:
        """What the peer is called with."""
        return self.species, self.receivers, self.senders, self.positions, self.shifts

    def cuda(self) -> "Pairs":
        """On the GPU, in place."""
        vars(self).update(
            {name: v.cuda() for name, v in vars(self).items() if isinstance(v, torch.Tensor)}
        )
        return self
