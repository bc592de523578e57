"""Several configurations as one: their atoms and pairs concatenated."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from hipnn_ts.data.dataset import Sample


class Batch(NamedTuple):
    """``B`` configurations of any size, molecules and boxes alike, as one flat list of atoms."""

    species: Tensor  # (N,) int64
    configuration: Tensor  # (N,) int64, the configuration of each atom
    n_atoms: Tensor  # (B,) int64
    receivers: Tensor  # (P,) int64, ascending
    senders: Tensor  # (P,) int64
    vectors: Tensor  # (P, 3), r_sender - r_receiver, Å
    energy: Tensor  # (E,) float64, eV
    with_energy: Tensor  # (E,) int64, the configurations of these energies
    forces: Tensor  # (F, 3), eV/Å
    with_forces: Tensor  # (F,) int64, the atoms of these forces
    stress: Tensor  # (S, 3, 3), eV/Å^3
    with_stress: Tensor  # (S,) int64, the configurations of these stresses
    volume: Tensor  # (S,) float64, Å^3, volumes of those configurations
    weight: Tensor  # (B,) float64, weight of the errors in the loss


def collate(samples: Sequence[Sample]) -> Batch:
    """Concatenate samples; pair indices are offset to the batch's atoms. References that are nan
    are left out."""
    n_atoms = torch.tensor([len(sample.species) for sample in samples])
    n_pairs = torch.tensor([len(sample.receivers) for sample in samples])
    offsets = (n_atoms.cumsum(0) - n_atoms).repeat_interleave(n_pairs)
    configuration = torch.arange(len(samples)).repeat_interleave(n_atoms)
    have_forces = torch.tensor([sample.forces is not None for sample in samples])
    energies = [(index, s.energy) for index, s in enumerate(samples) if s.energy is not None]
    stressed = [(index, s) for index, s in enumerate(samples) if s.stress is not None]
    none = samples[0].vectors[:0]  # in the right precision
    forces = torch.cat([none, *(s.forces for s in samples if s.forces is not None)])
    with_forces = have_forces.index_select(0, configuration).nonzero().flatten()
    known = forces.isnan().logical_not_().all(dim=1)
    if not known.all():
        forces, with_forces = forces[known], with_forces[known]
    return Batch(
        species=torch.cat([sample.species for sample in samples]),
        configuration=configuration,
        n_atoms=n_atoms,
        receivers=torch.cat([sample.receivers for sample in samples]) + offsets,
        senders=torch.cat([sample.senders for sample in samples]) + offsets,
        vectors=torch.cat([sample.vectors for sample in samples]),
        energy=torch.tensor([energy for _, energy in energies], dtype=torch.float64),
        with_energy=torch.tensor([index for index, _ in energies], dtype=torch.int64),
        forces=forces,
        with_forces=with_forces,
        stress=torch.stack([s.stress for _, s in stressed]) if stressed else none.view(0, 3, 3),
        with_stress=torch.tensor([index for index, _ in stressed], dtype=torch.int64),
        volume=torch.tensor([s.volume for _, s in stressed], dtype=torch.float64),
        weight=torch.tensor([sample.weight for sample in samples], dtype=torch.float64),
    )
