"""The answers of plain torch, in a process that may import it.

    python -m hipnn_ts.selftest.reference MODEL

prints the largest displacement that the model allows for force constants.
"""

import math
import sys
from pathlib import Path

import numpy as np
import torch
from ase import Atoms

from hipnn_ts.export import load_exported
from hipnn_ts.export.unpacking import plain_potential
from hipnn_ts.model import cusp, derivatives
from hipnn_ts.model.potential import Potential
from hipnn_ts.neighbours import neighbour_pairs
from hipnn_ts.selftest.questions import Answers


def evaluate(model: Path, frames: list[Atoms]) -> Answers:
    """From plain torch in float64 and its autograd."""
    potential = plain_potential(*load_exported(model))
    energies, forces, virials = [], [], []
    species_of = {symbol: k for k, symbol in enumerate(potential.config.elements)}
    for frame in frames:
        receivers, senders, shifts = neighbour_pairs(
            frame.positions, frame.cell.array, frame.pbc, potential.config.cutoff
        )
        vectors = torch.from_numpy(
            frame.positions[senders] + shifts - frame.positions[receivers]
        ).requires_grad_(True)
        ends = torch.from_numpy(receivers), torch.from_numpy(senders)
        species = torch.tensor([species_of[symbol] for symbol in frame.symbols])
        atom_energies = potential(species, *ends, vectors)
        gradients = derivatives.pair_gradients(atom_energies, vectors)
        energies.append(atom_energies.sum().item())
        forces.append(derivatives.forces(gradients, *ends, len(frame)).numpy())
        virials.append(derivatives.virial(gradients, vectors.detach()).numpy())
    return Answers(np.array(energies), np.array(forces), np.array(virials))


def smoothness(model: Path) -> str:
    """The displacements for which force constants of the exported file ``model`` are valid."""
    module, metadata = load_exported(model)
    potential, closest = plain_potential(module, metadata), metadata.closest_approach
    if metadata.members > 1:  # the sharpest member
        potential = min(potential.members, key=lambda each: _radius(each, closest))
    found = cusp.rounding(potential, closest)
    if found is None:
        return "the network has no norms: force constants hold at any small displacement"
    return cusp.remark(potential, closest) or (
        f"norms are round within {found.radius:.1g} Å of a symmetric site ({found.centre} among "
        f"four {found.corners}): force constants hold at displacements below that"
    )


def _radius(potential: Potential, closest: dict[str, float] | None) -> float:
    found = cusp.rounding(potential, closest)
    return math.inf if found is None else found.radius


if __name__ == "__main__":
    print(smoothness(Path(sys.argv[1])))
