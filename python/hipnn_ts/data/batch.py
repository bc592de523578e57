"""Several configurations as one: atoms and pairs concatenated."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from hipnn_ts.data.dataset import Sample


class Batch(NamedTuple):
    """``B`` configurations of any size, molecules and boxes alike, as one flat list of atoms."""

    species: Tensor  # (N,) int64
    configuration: Tensor  # (N,) int64, the configuration each atom belongs to
    n_atoms: Tensor  # (B,) int64
    receivers: Tensor  # (P,) int64, ascending
    senders: Tensor  # (P,) int64
    vectors: Tensor  # (P, 3), r_sender - r_receiver, Å
    energy: Tensor  # (B,) float64, eV
    forces: Tensor  # (N, 3), eV/Å, zero where not given
    has_forces: Tensor  # (B,) bool
    stress: Tensor  # (B, 3, 3), eV/Å^3, zero where not given
    has_stress: Tensor  # (B,) bool
    volume: Tensor  # (B,) float64, Å^3, nan without a periodic cell
    weight: Tensor  # (B,) float64, of the errors in the loss


def collate(samples: Sequence[Sample]) -> Batch:
    """Concatenate samples; pair indices are offset to the batch's atoms."""
    n_atoms = torch.tensor([len(sample.species) for sample in samples])
    offsets = (n_atoms.cumsum(0) - n_atoms).tolist()
    pairs = list(zip(samples, offsets, strict=True))
    return Batch(
        species=torch.cat([sample.species for sample in samples]),
        configuration=torch.arange(len(samples)).repeat_interleave(n_atoms),
        n_atoms=n_atoms,
        receivers=torch.cat([sample.receivers.long() + offset for sample, offset in pairs]),
        senders=torch.cat([sample.senders.long() + offset for sample, offset in pairs]),
        vectors=torch.cat([sample.vectors for sample in samples]),
        energy=torch.tensor([sample.energy for sample in samples], dtype=torch.float64),
        forces=torch.cat(
            [
                sample.vectors.new_zeros(len(sample.species), 3)
                if sample.forces is None
                else sample.forces
                for sample in samples
            ]
        ),
        has_forces=torch.tensor([sample.forces is not None for sample in samples]),
        stress=torch.stack(
            [
                sample.vectors.new_zeros(3, 3) if sample.stress is None else sample.stress
                for sample in samples
            ]
        ),
        has_stress=torch.tensor([sample.stress is not None for sample in samples]),
        volume=torch.tensor([sample.volume for sample in samples], dtype=torch.float64),
        weight=torch.tensor([sample.weight for sample in samples], dtype=torch.float64),
    )
