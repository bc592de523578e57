"""Seconds a step with TorchANI behind a PythonForce, for each frame of a file.

    python -m benchmarks.speed.torchani_steps systems.extxyz

One network of ANI-1x's shape, random weights, float32; prints JSON. Run by openmm_steps.py in an
interpreter that has torchani.
"""

import json
import sys

import torch
from ase.io import read
from torchani.arch import simple_ani

from benchmarks.openmm_contexts import context, python_force
from benchmarks.speed.timing import alternate

ALL_PAIRS = 200  # atoms; a cell list beyond


def model_for(n_atoms: int) -> torch.nn.Module:
    """One network of ANI-1x's shape with random weights, float32."""
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


def force_of(atoms):
    """A PythonForce of TorchANI's energy, its forces by autograd."""
    model = model_for(len(atoms))
    numbers = torch.from_numpy(atoms.numbers)[None]
    periodic = torch.tensor([True] * 3) if atoms.pbc.all() else None

    def compute(positions, cell):
        leaf = torch.from_numpy(positions).float()[None].requires_grad_(True)
        box = None if cell is None else torch.from_numpy(cell.copy()).float()
        energy = model((numbers, leaf), cell=box, pbc=periodic).energies.sum()
        forces = -torch.autograd.grad(energy, leaf)[0][0]
        return energy.item(), forces.double().numpy()

    return python_force(compute, bool(atoms.pbc.all()))


def main() -> None:
    """Time every frame."""
    times = {}
    for atoms in read(sys.argv[1], ":"):
        integrator = (made := context(atoms, force_of(atoms))).getIntegrator()
        made.getState(energy=True)
        sides = {"TorchANI": lambda integrator=integrator: integrator.step(1)}
        times[str(len(atoms))] = alternate(sides, 5, 0.5)["TorchANI"]
    print(json.dumps(times))


if __name__ == "__main__":
    main()
