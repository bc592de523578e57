"""Configurations with their neighbour pairs, ready to batch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress
from torch import Tensor
from torch.utils.data import ConcatDataset, Dataset

from hipnn_ts.data.labels import WEIGHT
from hipnn_ts.data.list_on_disk import ListOnDisk
from hipnn_ts.data.tensors import stress_volume
from hipnn_ts.errors import InputError
from hipnn_ts.neighbours import neighbour_pairs

SHORTEST = 0.05  # Å; atoms closer than this are one atom given twice


class Sample(NamedTuple):
    """One configuration, in eV and Å; reference values and pair vectors as in the file.

    Forces and virial are derivatives with respect to the pair vectors only, so neither positions
    nor cell are kept.
    """

    species: Tensor  # (n,) int64, index into the elements
    receivers: Tensor  # (P,) int32, half the memory of int64
    senders: Tensor  # (P,) int32
    vectors: Tensor  # (P, 3), r_sender - r_receiver
    energy: float | None  # None if the file gives none
    forces: Tensor | None  # (n, 3), likewise; nan for atoms without a force
    stress: Tensor | None  # (3, 3), likewise; None also without a volume
    volume: float  # volume of the stress, or nan
    weight: float  # weight of the errors in the loss


class ReferenceDataset(Dataset):
    """Samples of frames that ``read_frames`` checked.

    Parameters
    ----------
    frames : ase.Atoms with any of energy, forces and stress; in memory or on disk
    elements : chemical symbols in species order
    cutoff : float, Å
    dtype : precision of vectors, forces and stress
    names : names of the frames in messages, default "frame 0", "frame 1", ...
    keep_pairs : list neighbours once; if false, each time a sample is requested, in less memory
    weight : factor on the weights of all samples

    Raises
    ------
    InputError
        An element that is not among ``elements``, or two atoms at the same place; without
        ``keep_pairs``, when the sample is requested.
    """

    def __init__(
        self,
        frames: Sequence[Atoms],
        elements: Sequence[str],
        cutoff: float,
        dtype: torch.dtype,
        names: Sequence[str] | None = None,
        keep_pairs: bool = True,
        weight: float = 1.0,
    ):
        self._frames, self._weight = frames, weight
        self._names = names or [f"frame {index}" for index in range(len(frames))]
        self._network = elements, cutoff, dtype
        self._kept = None
        self.n_atoms = [len(frame) for frame in frames]
        if keep_pairs:
            self._kept = [self._list(index) for index in range(len(frames))]

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample:
        """Sample ``index``; -1 - index is the same with weight 0, to fill up a batch."""
        if index < 0:
            return self[~index]._replace(weight=0.0)
        return self._list(index) if self._kept is None else self._kept[index]

    def species(self, index: int) -> Tensor:
        """Species (n,) int64 of a sample, without listing its pairs."""
        if self._kept is not None:
            return self._kept[index].species
        return _species(self._frames[index], self._network[0])

    def close(self) -> None:
        """Release the data on disk."""
        for entries in (self._frames, self._names):
            if isinstance(entries, ListOnDisk):
                entries.close()

    def _list(self, index: int) -> Sample:
        try:
            sample = _sample(self._frames[index], *self._network)
        except InputError as error:
            raise InputError(f"{self._names[index]}: {error}") from error
        return sample._replace(weight=self._weight * sample.weight)


class JoinedDataset(Dataset):
    """Samples of several datasets, one after the other."""

    def __init__(self, parts: Sequence[ReferenceDataset]):
        self._joined = ConcatDataset(parts)
        self.n_atoms = [n for part in parts for n in part.n_atoms]

    def __len__(self) -> int:
        return len(self._joined)

    def __getitem__(self, index: int) -> Sample:
        """As of a ``ReferenceDataset``."""
        return self[~index]._replace(weight=0.0) if index < 0 else self._joined[index]


def composition(frames: Sequence[Atoms], elements: Sequence[str]) -> np.ndarray:
    """Number of atoms of each element, (frames, elements)."""
    counts = np.zeros((len(frames), len(elements)), dtype=int)
    for row, frame in zip(counts, frames, strict=True):
        symbols = np.array(frame.get_chemical_symbols())
        row[:] = [(symbols == element).sum() for element in elements]
    return counts


def _species(frame: Atoms, elements: Sequence[str]) -> Tensor:
    species_of = {element: index for index, element in enumerate(elements)}
    symbols = frame.get_chemical_symbols()
    for atom, symbol in enumerate(symbols):
        if symbol not in species_of:
            raise InputError(
                f"atom {atom}: expected one of the elements {' '.join(elements)}, found {symbol}"
            )
    return torch.tensor([species_of[symbol] for symbol in symbols])


def _sample(frame: Atoms, elements: Sequence[str], cutoff: float, dtype: torch.dtype) -> Sample:
    species = _species(frame, elements)
    receivers, senders, shifts = neighbour_pairs(
        frame.positions, frame.cell.array, frame.pbc, cutoff
    )
    vectors = frame.positions[senders] + shifts - frame.positions[receivers]
    distances = np.linalg.norm(vectors, axis=1)
    if distances.size and distances.min() < SHORTEST:
        pair = distances.argmin()
        raise InputError(
            f"atoms {receivers[pair]} and {senders[pair]}: expected at least {SHORTEST} Å "
            f"between atoms, found {distances[pair]:.4g} Å"
        )
    results = frame.calc.results
    volume = stress_volume(frame)
    stress = None
    if "stress" in results and not np.isnan(volume):
        stress = torch.tensor(voigt_6_to_full_3x3_stress(results["stress"]), dtype=dtype)
    return Sample(
        species,
        torch.from_numpy(receivers.astype(np.int32)),
        torch.from_numpy(senders.astype(np.int32)),
        torch.tensor(vectors, dtype=dtype),
        float(results["energy"]) if "energy" in results else None,
        torch.tensor(results["forces"], dtype=dtype) if "forces" in results else None,
        stress,
        volume,
        frame.info.get(WEIGHT, 1.0),
    )
