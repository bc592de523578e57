"""Potentials of `make bench-peers` that are called through torch.

Each function returns a description and ``prepared``, which turns atoms into a function from
positions to forces. Pairs are listed in advance, but for TorchANI.
"""

from collections.abc import Callable
from pathlib import Path

from ase import Atoms

from benchmarks.speed.peer_models import ELEMENTS, about

ALL_PAIRS = 200  # most atoms for which TorchANI takes all pairs, not a cell list


def n_weights(model) -> int:
    return sum(weights.numel() for weights in model.parameters())


def hippynn(folder: Path):
    import torch

    from benchmarks.speed.hippynn_peer import Pairs, Peer, use_kernel

    use_kernel("numba")
    torch.manual_seed(0)
    peer = Peer(2, 128)

    def prepared(atoms: Atoms) -> Callable:
        species, receivers, senders, _, shifts = Pairs(atoms, 6.5).theirs
        return lambda positions: peer.step(species, receivers, senders, positions, shifts)[1]

    shape = "l_max 2, 20 sensitivities; its numba kernels, float32, pairs given"
    return about("hippynn", n_weights(peer), (6.5,), shape), prepared


def torchani_model(n_atoms: int):
    """One network of ANI-1x's shape with random weights, float32."""
    import torch
    from torchani.arch import simple_ani

    torch.manual_seed(0)
    model = simple_ani(
        ("H", "C", "N", "O"),
        lot="wb97x-631gd",
        cutoff_fn="cosine",
        angular_shifts=4,
        sections=8,
        container_ctor="ani1x",
        activation="celu",
        bias=True,
        repulsion=False,
        self_energies="zero",
        neighborlist="all_pairs" if n_atoms <= ALL_PAIRS else "cell_list",
    ).float()
    return model.requires_grad_(False)


def torchani_step(model, atoms: Atoms) -> Callable:
    """A function from positions (Å) and a box (Å, or None) to energy and forces of the atoms."""
    import torch

    numbers = torch.from_numpy(atoms.numbers)[None]
    periodic = torch.tensor([True] * 3) if atoms.pbc.all() else None

    def step(positions, box):
        leaf = positions[None].requires_grad_(True)
        energy = model((numbers, leaf), cell=box, pbc=periodic).energies.sum()
        return energy, -torch.autograd.grad(energy, leaf)[0][0]

    return step


def torchani(folder: Path):
    import torch

    model = torchani_model(768)

    def prepared(atoms: Atoms) -> Callable:
        step, box = torchani_step(model, atoms), torch.from_numpy(atoms.cell.array).float()
        return lambda positions: step(positions, box)[1]

    shape = "one network of the shape of ANI-1x, cell list in each call, float32"
    return about("torchani", n_weights(model), (5.2, 3.5), shape), prepared


def nequip(folder: Path):
    import torch
    from nequip.data import from_ase
    from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
    from nequip.model import NequIPGNNModel
    from nequip.utils.global_state import set_global_state

    set_global_state()
    model = NequIPGNNModel(
        seed=0,
        model_dtype="float32",
        r_max=5.0,
        type_names=list(ELEMENTS),
        num_layers=4,
        l_max=2,
        parity=False,
        num_features=64,
        radial_mlp_depth=2,
        radial_mlp_width=64,
        avg_num_neighbors=50.0,
    )
    known = about(
        *("nequip", n_weights(model), (5.0,)),
        "4 layers, 64 features, l_max 2, no parity; eager, float32, pairs given",
    )
    model.requires_grad_(False).eval()

    def prepared(atoms: Atoms) -> Callable:
        mapper = ChemicalSpeciesToAtomTypeMapper(list(ELEMENTS))
        data = NeighborListTransform(5.0)(mapper(from_ase(atoms)))
        data = {k: v.float() if v.dtype == torch.float64 else v for k, v in data.items()}
        return lambda positions: model({**data, "pos": positions})["forces"]

    return known, prepared
