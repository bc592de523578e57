"""Energies, forces and stress of a batch, differentiable for a loss."""

from typing import NamedTuple

import torch
from torch import Tensor

from hipnn_ts.data.batch import Batch
from hipnn_ts.model import derivatives
from hipnn_ts.model.potential import Potential


class Prediction(NamedTuple):
    """The predictions for the reference values of a batch."""

    energy: Tensor  # (B,) float64, eV
    forces: Tensor  # (N, 3), eV/Å
    stress: Tensor  # (S, 3, 3), eV/Å^3, for the configurations with a reference stress


def predict(potential: Potential, batch: Batch, create_graph: bool) -> tuple[Prediction, Tensor]:
    """Prediction, and the contribution of each block (N, n_blocks) to the network's atomic
    energies, eV.

    Forces are zero if no configuration of the batch has a reference for a derivative.
    """
    wanted = len(batch.forces) > 0 or len(batch.stress) > 0
    vectors = batch.vectors.detach().requires_grad_(wanted)
    terms = potential.energy_terms(batch.species, batch.receivers, batch.senders, vectors)
    if wanted:
        gradients = derivatives.pair_gradients(terms.sum(dim=1), vectors, create_graph)
    else:
        gradients = torch.zeros_like(vectors)
    energies = terms.double().sum(dim=1) + potential.self_energies.index_select(0, batch.species)
    if potential.config.zbl is not None:
        repulsion, slopes = _repulsion(potential, batch)
        energies = energies + repulsion
        gradients = gradients + slopes if wanted else gradients
    return assemble(energies, gradients, batch), terms


def _repulsion(potential: Potential, batch: Batch) -> tuple[Tensor, Tensor]:
    """Its atomic energies and pair gradients; they depend on no weight, so no graph is kept."""
    vectors = batch.vectors.detach().requires_grad_(True)
    energies = potential.repulsion(
        batch.species, batch.receivers, batch.senders, vectors, len(batch.species)
    )
    return energies.detach(), derivatives.pair_gradients(energies, vectors)


def assemble(atom_energies: Tensor, gradients: Tensor, batch: Batch) -> Prediction:
    """Sums over the atoms (N,) and pair gradients (P, 3) of each configuration."""
    n_configurations = len(batch.n_atoms)
    energy = atom_energies.new_zeros(n_configurations)
    energy = energy.index_add(0, batch.configuration, atom_energies)
    forces = derivatives.forces(gradients, batch.receivers, batch.senders, len(batch.species))
    if len(batch.stress) == 0:
        return Prediction(energy, forces, gradients.new_zeros((0, 3, 3)))
    # Like model.derivatives.virial, but one for each configuration.
    outer = batch.vectors.unsqueeze(2) * gradients.unsqueeze(1)
    owner = batch.configuration.index_select(0, batch.receivers)
    virial = outer.new_zeros((n_configurations, 3, 3)).index_add(0, owner, outer)
    volume = batch.volume.to(virial.dtype)[:, None, None]
    return Prediction(energy, forces, virial.index_select(0, batch.with_stress) / volume)
