"""Forces and virial from the derivative of the energy with respect to the pair vectors.

All quantities that an engine needs follow from ``g_p = dE/dr_p`` with r_p = r_sender - r_receiver,
so no path differentiates through the neighbour search or the cell. All functions are scriptable.
"""

import torch
from torch import Tensor


def pair_gradients(atom_energies: Tensor, vectors: Tensor, create_graph: bool = False) -> Tensor:
    """``dE/dr_p`` (P, 3) in eV/Å of the summed atomic energies, by autograd.

    ``vectors`` (P, 3) must require gradients, and ``atom_energies`` (n,) must depend on them;
    ``create_graph`` keeps the graph, for a loss on forces.
    """
    if vectors.shape[0] == 0:
        return torch.zeros_like(vectors)
    outputs = [atom_energies.sum()]
    gradient = torch.autograd.grad(outputs, [vectors], create_graph=create_graph)[0]
    assert gradient is not None
    return gradient


def forces(gradients: Tensor, receivers: Tensor, senders: Tensor, n_atoms: int) -> Tensor:
    """Forces (n_atoms, 3) in eV/Å: a pair pulls its two ends with opposite strength."""
    out = gradients.new_zeros((n_atoms, 3))
    return out.index_add(0, receivers, gradients).index_add(0, senders, -gradients)


def first_not_finite(atom_energies: Tensor, forces: Tensor) -> int:
    """The first atom whose energy (n,) or force (n, 3) is not finite; -1 if all are."""
    finite = torch.isfinite(atom_energies) & torch.isfinite(forces).all(dim=1)
    bad = (~finite).nonzero()
    return int(bad[0, 0]) if bad.shape[0] > 0 else -1


def virial(gradients: Tensor, vectors: Tensor) -> Tensor:
    """``sum_p r_p ⊗ dE/dr_p`` (3, 3) in eV: the derivative with respect to a homogeneous strain.

    The stress (tensile positive) is this over the volume.
    """
    return vectors.t() @ gradients
