"""The particles of a system, described by a topology or a list of atomic numbers."""

import operator
import warnings
from collections.abc import Sequence

from openmm import app

from hipnn_ts.errors import InputError

_MOST_NAMED = 4  # largest number of bonds in one message


class CutBondWarning(UserWarning):
    """A potential acts on only one end of a bond."""


class Particles:
    """Atomic numbers (0 for virtual sites), names, and whether there is a box.

    Parameters
    ----------
    topology_or_numbers : openmm.app.Topology or atomic numbers, for every particle of the system

    Raises
    ------
    InputError
        The argument is neither.
    """

    def __init__(self, topology_or_numbers: app.Topology | Sequence[int]):
        self.has_box: bool | None = None
        self._topology: app.Topology | None = None
        if isinstance(topology_or_numbers, app.Topology):
            self._topology = topology_or_numbers
            self._atoms = list(topology_or_numbers.atoms())
            self.numbers = [
                0 if atom.element is None else atom.element.atomic_number for atom in self._atoms
            ]
            self.has_box = topology_or_numbers.getPeriodicBoxVectors() is not None
            return
        found = f"{type(topology_or_numbers).__name__}"
        self.numbers = []
        try:
            for number in topology_or_numbers:
                found = f"{number!r} as number {len(self.numbers)}"
                self.numbers.append(operator.index(number))
        except TypeError as error:
            raise InputError(
                "topology_or_numbers: expected an openmm.app.Topology or atomic numbers, found "
                f"{found}"
            ) from error

    def name(self, index: int) -> str:
        """Its number and, with a topology, its name and residue: "atom 4 (C of ALA 2)"."""
        if self._topology is None:
            return f"atom {index}"
        atom = self._atoms[index]
        return f"atom {index} ({atom.name} of {atom.residue.name} {atom.residue.id})"

    def warn_of_cut_bonds(self, indices: list[int]) -> None:
        """Warn if a bond of the topology connects one of these particles to another one."""
        inside = set(indices)
        bonds = () if self._topology is None else self._topology.bonds()
        cut = [ends for ends in bonds if (ends[0].index in inside) != (ends[1].index in inside)]
        if not cut:
            return
        named = [" - ".join(self.name(end.index) for end in ends) for ends in cut[:_MOST_NAMED]]
        more = f" and {len(cut) - _MOST_NAMED} more" if len(cut) > _MOST_NAMED else ""
        warnings.warn(
            f"the potential's atoms end at {len(cut)} bond{'s' * (len(cut) > 1)}: "
            f"{', '.join(named)}{more}; to the network these are open valences, which its training "
            "data rarely holds: let atoms hold whole molecules",
            CutBondWarning,
            stacklevel=3,
        )
