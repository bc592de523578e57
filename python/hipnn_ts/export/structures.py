"""Evaluating many structures with a fused potential in one call."""

import re
from collections.abc import Callable, Sequence
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


class Deviations(NamedTuple):
    """Standard deviations over the members of a committee, for one structure.

    Attributes
    ----------
    energy : eV, standard deviation of the energy
    forces : (n,) float64, eV/Å, ``sqrt(mean |F - mean F|²)`` of each atom
    virial : (3, 3) float64, eV, for each component
    """

    energy: float
    forces: np.ndarray
    virial: np.ndarray


class Evaluated(NamedTuple):
    """The results for one structure.

    Attributes
    ----------
    energies : (n,) float64, eV, self energies included
    forces : (n, 3) float64, eV/Å
    virial : (3, 3) float64, eV, ``sum_p r_p ⊗ dE/dr_p``; may be None without periodicity
    closest : the pair that is closer than in training, if there is one
    not_finite : the first atom whose energy or force is not finite, or -1
    deviations : for a committee, if requested
    uncertainty : (n,) float64, eV/Å, for a network with force uncertainty, if requested
    """

    energies: np.ndarray
    forces: np.ndarray
    virial: np.ndarray | None
    closest: Closest | None
    not_finite: int
    deviations: Deviations | None = None
    uncertainty: np.ndarray | None = None


def choice_of(
    potential: "NativePotential", member: int | None, uncertainty: bool = True
) -> dict[str, int | bool]:
    """Arguments of the runtime for a committee: a member, or None for the mean and deviations; and
    whether to compute the uncertainty of a network that has one.

    Raises
    ------
    InputError
        There is no such member.
    """
    n_members = potential.metadata.members
    if member is None:
        uncertain = uncertainty and potential.metadata.uncertainty is not None
        return {"member": -1, "deviations": n_members > 1, "uncertainty": uncertain}
    if not 0 <= member < n_members:
        raise InputError(
            f"member: expected one of the {n_members} of {potential.name}, counted from 0, found "
            f"{member}"
        )
    return {"member": member, "deviations": False, "uncertainty": False}


def measures_of(found: tuple) -> tuple[tuple | None, np.ndarray | None]:
    """Deviations and uncertainties after the runtime's other results, None unless requested."""
    deviations, uncertainty = (*found, None, None)[:2]
    return deviations, uncertainty


class SpeciesOfAtoms:
    """The species of atoms for a potential."""

    def __init__(self, potential: "ExportedPotential"):
        network = potential.metadata.network
        self._elements, self._name = " ".join(network.elements), potential.name
        self._species = np.full(len(chemical_symbols), -1)
        for species, number in enumerate(network.atomic_numbers):
            self._species[number] = species

    def of(self, atoms: "Atoms") -> np.ndarray:
        """(n,) int64. Raises InputError without atoms, or for an unknown element."""
        if len(atoms) == 0:
            raise InputError("expected at least one atom, found none")
        species = self._species[atoms.numbers]
        if species.min() < 0:
            unknown = int(np.flatnonzero(species < 0)[0])
            raise InputError(
                f"atom {unknown}: expected one of the elements {self._elements} of {self._name}, "
                f"found {atoms.symbols[unknown]}"
            )
        return species


class StructureBatch:
    """A fused potential that evaluates many structures at once, with threads over structures.

    The results for each are bitwise equal to those of a single evaluation.

    Parameters
    ----------
    potential : NativePotential
    limits : (S, S), closest approaches, below which structures are reported
    member : member of a committee to evaluate; None for the mean and deviations
    uncertainty : whether to compute the force uncertainty of a network that has one
    """

    def __init__(
        self,
        potential: "NativePotential",
        limits: np.ndarray,
        member: int | None = None,
        uncertainty: bool = True,
    ):
        self._limits, self._choice = limits, choice_of(potential, member, uncertainty)
        self._species = SpeciesOfAtoms(potential)
        self._batch = _core.Batch(potential.model)

    def compute(
        self, structures: Sequence["Atoms"], name: Callable[[int], str], n_threads: int = 0
    ) -> list[Evaluated]:
        """Results of each structure, in the given order.

        Parameters
        ----------
        structures : ase.Atoms; their calculators are neither used nor changed
        name : name of structure k in messages
        n_threads : 0 for as many as OpenMP gives

        Raises
        ------
        InputError
            For the first structure that cannot be evaluated; see HIPNNTSCalculator.
        """
        if not structures:
            return []
        species = [_naming(name(k), self._species.of, each) for k, each in enumerate(structures)]
        cells = np.array([each.cell.array for each in structures])
        periodic = np.array([each.pbc for each in structures])
        for k in np.flatnonzero(periodic.any(axis=1)):
            if k == 0 or (cells[k] != cells[k - 1]).any() or (periodic[k] != periodic[k - 1]).any():
                _naming(name(k), check_cell, cells[k], periodic[k])
        counts = np.array([len(each) for each in species])
        positions = np.concatenate([each.positions for each in structures])
        try:
            _, energies, forces, virials, closest, not_finite, *measures = self._batch.compute(
                counts,
                positions,
                np.concatenate(species),
                cells,
                periodic,
                self._limits,
                n_threads,
                **self._choice,
            )
        except ValueError as error:
            found = re.match(r"structure (\d+): (.*)", str(error), re.DOTALL)
            if found is None:
                raise
            k = int(found[1])
            reason = refusal(ValueError(found[2]), structures[k].positions, cells[k], periodic[k])
            raise InputError(f"{name(k)}: {reason}") from error
        closest = dict(closest)
        ends = counts.cumsum()
        first = (ends - counts).tolist()
        deviations: list[Deviations | None] = [None] * len(counts)
        uncertainties: list[np.ndarray | None] = [None] * len(counts)
        of_members, of_atoms = measures_of(measures)
        if of_members is not None:
            of_energies, of_forces, of_virials = of_members
            deviations = [
                Deviations(float(energy), of_forces[a:b].copy(), virial.copy())
                for energy, a, b, virial in zip(of_energies, first, ends, of_virials, strict=True)
            ]
        if of_atoms is not None:
            uncertainties = [of_atoms[a:b].copy() for a, b in zip(first, ends, strict=True)]
        # Copies, so that keeping one structure's forces does not keep those of all.
        return [
            Evaluated(energies[a:b].copy(), forces[a:b].copy(), virials[k].copy(), *facts)
            for k, (a, b, *facts) in enumerate(
                zip(
                    first,
                    ends.tolist(),
                    map(closest.get, range(len(counts))),
                    not_finite.tolist(),
                    deviations,
                    uncertainties,
                    strict=True,
                )
            )
        ]


def _naming(name: str, check: Callable, *arguments: object):
    """Call ``check(*arguments)``; an InputError then begins with the name."""
    try:
        return check(*arguments)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
