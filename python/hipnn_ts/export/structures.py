"""Many structures through a fused potential in one call."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ase.data import chemical_symbols

from hipnn_ts import _core
from hipnn_ts.errors import InputError
from hipnn_ts.export.extrapolation import Closest
from hipnn_ts.neighbours import check_cell, refusal

if TYPE_CHECKING:
    from ase import Atoms

    from hipnn_ts.export.potential import ExportedPotential, NativePotential


class Evaluated(NamedTuple):
    """Of one structure.

    Attributes
    ----------
    energies : (n,) float64, eV, self energies included
    forces : (n, 3) float64, eV/Å
    virial : (3, 3) float64, eV, ``sum_p r_p ⊗ dE/dr_p``; may be None without periodicity
    closest : the pair that is closer than in training, if there is one
    not_finite : the first atom whose energy or force is not finite, or -1
    """

    energies: np.ndarray
    forces: np.ndarray
    virial: np.ndarray | None
    closest: Closest | None
    not_finite: int


class EvaluatedTogether(NamedTuple):
    """Of S structures whose N atoms follow each other.

    Attributes
    ----------
    counts : (S,) int64, atoms of each
    species : (N,) int64
    energies : (S,) float64, eV, self energies included
    of_atoms : (N,) float64, eV, likewise
    forces : (N, 3) float64, eV/Å
    virials : (S, 3, 3) float64, eV, ``sum_p r_p ⊗ dE/dr_p``
    closest : of structures with a pair that is closer than in training, that pair
    not_finite : (S,), the first atom whose energy or force is not finite, or -1
    """

    counts: np.ndarray
    species: np.ndarray
    energies: np.ndarray
    of_atoms: np.ndarray
    forces: np.ndarray
    virials: np.ndarray
    closest: dict[int, Closest]
    not_finite: np.ndarray

    def of_structures(self) -> Iterator[Evaluated]:
        """Views of each one's."""
        ends = self.counts.cumsum()
        for k, (begin, end) in enumerate(
            zip((ends - self.counts).tolist(), ends.tolist(), strict=True)
        ):
            yield Evaluated(
                self.of_atoms[begin:end],
                self.forces[begin:end],
                self.virials[k],
                self.closest.get(k),
                int(self.not_finite[k]),
            )


class SpeciesOfAtoms:
    """What a potential calls the elements of atoms."""

    def __init__(self, potential: "ExportedPotential"):
        network = potential.metadata.network
        self._elements, self._name = " ".join(network.elements), potential.name
        self._species = np.full(len(chemical_symbols), -1)
        for species, number in enumerate(network.atomic_numbers):
            self._species[number] = species

    def of(self, atoms: "Atoms") -> np.ndarray:
        """(n,) int64. Raises InputError without atoms, or for an element that is not known."""
        return self.of_numbers(atoms.numbers)

    def found(self, numbers: np.ndarray) -> np.ndarray:
        """(n,) int64, -1 for elements that are not known."""
        return self._species[numbers]

    def of_numbers(self, numbers: np.ndarray) -> np.ndarray:
        """The same of atomic numbers (n,)."""
        if len(numbers) == 0:
            raise InputError("expected at least one atom, found none")
        species = self.found(numbers)
        if species.min() < 0:
            unknown = int(np.flatnonzero(species < 0)[0])
            raise InputError(
                f"atom {unknown}: expected one of the elements {self._elements} of {self._name}, "
                f"found {chemical_symbols[numbers[unknown]]}"
            )
        return species


class StructureBatch:
    """A fused potential at work on many structures at once, threads over structures.

    Each gets what it gets alone, to the last bit.

    Parameters
    ----------
    potential : NativePotential
    limits : (S, S), closest approaches, of which structures below are told
    """

    def __init__(self, potential: "NativePotential", limits: np.ndarray):
        self._limits = limits
        self._species = SpeciesOfAtoms(potential)
        self._batch = _core.Batch(potential.model)

    def compute(
        self, structures: Sequence["Atoms"], name: Callable[[int], str], n_threads: int = 0
    ) -> list[Evaluated]:
        """Of each structure, in their order.

        Parameters
        ----------
        structures : ase.Atoms; their calculators are neither asked nor changed
        name : what messages call structure k
        n_threads : 0 for as many as OpenMP gives

        Raises
        ------
        InputError
            Of the first structure that cannot be evaluated; see HIPNNTSCalculator.
        """
        if not structures:
            return []
        found = self.compute_arrays(
            np.array([len(each) for each in structures]),
            np.concatenate([each.positions for each in structures]),
            np.concatenate([each.numbers for each in structures]),
            np.array([each.cell.array for each in structures]),
            np.array([each.pbc for each in structures]),
            name,
            n_threads,
        )
        # Copies: whoever keeps one structure's forces shall not keep those of all.
        return [
            Evaluated(energies.copy(), forces.copy(), virial.copy(), closest, not_finite)
            for energies, forces, virial, closest, not_finite in found.of_structures()
        ]

    def compute_arrays(
        self,
        counts: np.ndarray,
        positions: np.ndarray,
        numbers: np.ndarray,
        cells: np.ndarray,
        periodic: np.ndarray,
        name: Callable[[int], str],
        n_threads: int = 0,
    ) -> "EvaluatedTogether":
        """The same of S structures whose N atoms follow each other.

        Parameters
        ----------
        counts : (S,) int64, atoms of each
        positions : (N, 3), Å
        numbers : (N,), atomic numbers
        cells : (S, 3, 3), rows are the cell vectors, Å
        periodic : (S, 3), bool
        name, n_threads : as of :meth:`compute`

        Raises
        ------
        InputError
            As :meth:`compute`.
        """
        ends = counts.cumsum()
        species = self._species.found(numbers)
        if counts.min() < 1 or species.min() < 0:  # which of them is told
            for k, own in enumerate(np.split(numbers, ends[:-1])):
                _naming(name(k), self._species.of_numbers, own)
        for k in np.flatnonzero(periodic.any(axis=1)):
            if k == 0 or (cells[k] != cells[k - 1]).any() or (periodic[k] != periodic[k - 1]).any():
                _naming(name(k), check_cell, cells[k], periodic[k])
        try:
            energies, of_atoms, forces, virials, closest, not_finite = self._batch.compute(
                counts, positions, species, cells, periodic, self._limits, n_threads
            )
        except ValueError as error:
            found = re.match(r"structure (\d+): (.*)", str(error), re.DOTALL)
            if found is None:
                raise
            k = int(found[1])
            own = positions[ends[k] - counts[k] : ends[k]]
            reason = refusal(ValueError(found[2]), own, cells[k], periodic[k])
            raise InputError(f"{name(k)}: {reason}") from error
        return EvaluatedTogether(
            counts, species, energies, of_atoms, forces, virials, dict(closest), not_finite
        )


def _naming(name: str, check: Callable, *arguments: object):
    """``check(*arguments)``, whose InputError then begins with the name."""
    try:
        return check(*arguments)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
