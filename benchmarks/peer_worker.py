"""One model of `make bench-peers`, in the interpreter that has its package.

    python peer_worker.py NAME

Prints what it is, then answers lines: ``N SECONDS`` times energy and forces of the box of N atoms
(BOXES in water.py) for about so long and prints seconds for one call. Run by peers.py. Weights are
random, float32. Neighbour pairs are listed once beforehand, but for TorchANI, which lists its own.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import torch
from ase.neighborlist import neighbor_list
from water import BOXES, water_box

SPECIES = (1, 6, 7, 8)
SYMBOLS = ["H", "C", "N", "O"]
CUTOFF = 5.0  # Å, of MACE and NequIP here
WARM = 2, 1  # calls before the clock, for the first box and for others
MACE = {"MACE, 96 channels, L = 0": "96x0e", "MACE, 128 channels, L = 1": "128x0e+128x1o"}
OURS = {"hipnn-ts, 128 features": 128, "hipnn-ts, 64 features": 64}


def count(module: torch.nn.Module) -> int:
    return sum(weights.numel() for weights in module.parameters())


def types_of(numbers: np.ndarray) -> torch.Tensor:
    return torch.tensor([SPECIES.index(number) for number in numbers])


def ours(name: str) -> tuple[dict, Callable]:
    from cpu import Case

    case = Case(2, OURS[name], 192)
    about = {
        "version": version("hipnn-ts"),
        "parameters": count(case.potential),
        "description": f"2 blocks of {OURS[name]} features, l_max 2, 20 sensitivities, 4 on-site "
        "layers, cutoff 6.5 Å; fused kernels",
    }
    return about, lambda n_atoms: Case(2, OURS[name], n_atoms).ours


def hippynn(name: str) -> tuple[dict, Callable]:
    from cpu import Case
    from hippynn_peer import Peer, use_kernel

    use_kernel("numba")
    about = {
        "version": version("hippynn"),
        "parameters": count(Peer(2, 128)),
        "description": "the network of hipnn-ts, 128 features; its numba kernels",
    }
    return about, lambda n_atoms: Case(2, 128, n_atoms).theirs


def torchani(name: str) -> tuple[dict, Callable]:
    from torchani_steps import model_for

    def prepared(n_atoms: int) -> Callable:
        atoms = water_box(*BOXES[n_atoms])
        model = model_for(n_atoms)
        numbers = torch.from_numpy(atoms.numbers)[None]
        positions = torch.from_numpy(atoms.positions).float()[None]
        box = torch.from_numpy(atoms.cell.array).float()
        periodic = torch.tensor([True] * 3)

        def step():
            leaf = positions.clone().requires_grad_(True)
            energy = model((numbers, leaf), cell=box, pbc=periodic).energies.sum()
            return energy.detach(), -torch.autograd.grad(energy, leaf)[0]

        return step

    about = {
        "version": version("torchani"),
        "parameters": count(model_for(192)),
        "description": "one network of the shape of ANI-1x, cutoffs 5.2 and 3.5 Å, its own "
        "neighbour list in each call",
    }
    return about, prepared


def mace(name: str) -> tuple[dict, Callable]:
    import mace  # noqa: F401  first: it lets its e3nn load files with this torch
    from e3nn import o3
    from mace import modules

    torch.manual_seed(0)
    blocks = modules.interaction_classes
    model = modules.ScaleShiftMACE(
        r_max=CUTOFF,
        num_bessel=8,
        num_polynomial_cutoff=5,
        max_ell=3,
        interaction_cls=blocks["RealAgnosticResidualInteractionBlock"],
        interaction_cls_first=blocks["RealAgnosticInteractionBlock"],
        num_interactions=2,
        num_elements=len(SPECIES),
        hidden_irreps=o3.Irreps(MACE[name]),
        MLP_irreps=o3.Irreps("16x0e"),
        atomic_energies=np.zeros(len(SPECIES)),
        avg_num_neighbors=50.0,
        atomic_numbers=list(SPECIES),
        correlation=3,
        gate=torch.nn.functional.silu,
        atomic_inter_scale=1.0,
        atomic_inter_shift=0.0,
    )
    about = {
        "version": version("mace-torch"),
        "parameters": count(model),
        "description": f"2 layers, hidden {MACE[name]}, l_max 3, correlation 3, cutoff "
        f"{CUTOFF:g} Å; eager (TorchScript was as fast), cuEquivariance (for GPUs) not installed",
    }
    model.requires_grad_(False)

    def prepared(n_atoms: int) -> Callable:
        atoms = water_box(*BOXES[n_atoms])
        receivers, senders, shifts = neighbor_list("ijS", atoms, CUTOFF)
        cell = torch.from_numpy(atoms.cell.array).float()
        steps = torch.from_numpy(shifts).float()
        one_hot = torch.nn.functional.one_hot(types_of(atoms.numbers), len(SPECIES)).float()
        data = {
            "node_attrs": one_hot,
            "edge_index": torch.from_numpy(np.stack([receivers, senders])),
            "shifts": steps @ cell,
            "unit_shifts": steps,
            "cell": cell,
            "batch": torch.zeros(len(atoms), dtype=torch.long),
            "ptr": torch.tensor([0, len(atoms)]),
            "head": torch.zeros(1, dtype=torch.long),
        }
        positions = torch.from_numpy(atoms.positions).float()

        def step():
            out = model({**data, "positions": positions.clone()}, compute_force=True)
            return out["energy"].detach(), out["forces"]

        return step

    return about, prepared


def nequip(name: str) -> tuple[dict, Callable]:
    from nequip.data import from_ase
    from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
    from nequip.model import NequIPGNNModel
    from nequip.utils.global_state import set_global_state

    set_global_state()
    model = NequIPGNNModel(
        seed=0,
        model_dtype="float32",
        r_max=CUTOFF,
        type_names=SYMBOLS,
        num_layers=4,
        l_max=2,
        parity=False,
        num_features=64,
        radial_mlp_depth=2,
        radial_mlp_width=64,
        avg_num_neighbors=50.0,
    )
    about = {
        "version": version("nequip"),
        "parameters": count(model),
        "description": f"4 layers, 64 features, l_max 2, no parity, cutoff {CUTOFF:g} Å; "
        "eager (TorchScript was as fast, AOTInductor was not tried)",
    }
    model.requires_grad_(False).eval()

    def prepared(n_atoms: int) -> Callable:
        data = from_ase(water_box(*BOXES[n_atoms]))
        data = NeighborListTransform(CUTOFF)(ChemicalSpeciesToAtomTypeMapper(SYMBOLS)(data))
        data = {k: v.float() if v.dtype == torch.float64 else v for k, v in data.items()}

        def step():
            out = model(dict(data))
            return out["total_energy"], out["forces"]

        return step

    return about, prepared


MODELS = {
    **dict.fromkeys(OURS, ours),
    "hippynn, 128 features": hippynn,
    "TorchANI, ANI-1x": torchani,
    **dict.fromkeys(MACE, mace),
    "NequIP, 64 features": nequip,
}


def timed(step: Callable, seconds: float) -> float:
    calls, began = 0, time.perf_counter()
    while calls == 0 or time.perf_counter() - began < seconds:
        step()
        calls += 1
    return (time.perf_counter() - began) / calls


def main() -> None:
    """Say what it is; answer until the input ends."""
    name = sys.argv[1]
    warnings.simplefilter("ignore")
    torch.set_default_dtype(torch.float32)
    about, prepared = MODELS[name](name)
    print(json.dumps({**about, "threads": torch.get_num_threads()}), flush=True)
    steps = {}
    for line in sys.stdin:
        n_atoms, seconds = line.split()
        if n_atoms not in steps:
            steps[n_atoms] = prepared(int(n_atoms))
            for _ in range(WARM[len(steps) > 1]):
                _, forces = steps[n_atoms]()
            if not bool(forces.isfinite().all()) or not bool(forces.any()):
                raise SystemExit(f"{name}: expected finite forces, found others")
        print(timed(steps[n_atoms], float(seconds)), flush=True)


if __name__ == "__main__":
    main()
