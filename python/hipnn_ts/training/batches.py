"""Which configurations make up each step of an epoch."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch.utils.data import Sampler

from hipnn_ts.data.batch import Batch, collate
from hipnn_ts.data.dataset import JoinedDataset, ReferenceDataset


def batch_on(
    device: torch.device, data: ReferenceDataset | JoinedDataset, indices: Sequence[int]
) -> Batch:
    """These configurations as one batch on a device."""
    batch = collate([data[index] for index in indices])
    return batch if device.type == "cpu" else Batch(*(tensor.to(device) for tensor in batch))


class EpochBatches(Sampler[list[int]]):
    """Batches of one epoch, which depend only on seed and epoch.

    An interrupted run continues in the middle of its epoch. Several processes share each batch, and
    so take the same steps as one.

    Parameters
    ----------
    n_atoms : atoms of each configuration
    batch_size : configurations in a batch
    max_atoms : a batch ends before it would contain more atoms, or None
    seed, epoch : determine the order
    start : number of batches that are already done; the length includes them
    rank, n_ranks : this process's part of each batch; a process without a part gets a configuration
        that does not count (``ReferenceDataset`` with a negative index)
    """

    def __init__(
        self,
        n_atoms: Sequence[int],
        batch_size: int,
        max_atoms: int | None,
        seed: int,
        epoch: int,
        start: int = 0,
        rank: int = 0,
        n_ranks: int = 1,
    ):
        self.order = np.random.default_rng([seed, epoch]).permutation(len(n_atoms))
        self.bounds: list[int] = []  # costs of the batches, in that order
        atoms = 0
        for place, index in enumerate(self.order):
            full = not self.bounds or place - self.bounds[-1] == batch_size
            if full or (max_atoms is not None and atoms + n_atoms[index] > max_atoms):
                self.bounds.append(place)
                atoms = 0
            atoms += n_atoms[index]
        self.bounds.append(len(self.order))
        self.start, self.rank, self.n_ranks = start, rank, n_ranks

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def __iter__(self) -> Iterator[list[int]]:
        for first, last in pairwise(self.bounds[self.start :]):
            batch = self.order[first:last].tolist()
            yield batch[self.rank :: self.n_ranks] or [~batch[0]]
