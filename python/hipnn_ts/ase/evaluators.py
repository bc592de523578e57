"""From positions to energies, forces and virial: by the runtime, or by torch."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hipnn_ts import _core
from hipnn_ts.export.extrapolation import Closest
from hipnn_ts.neighbours import check_cell, refusal

if TYPE_CHECKING:
    from hipnn_ts.export.potential import ExportedPotential, NativePotential


class Evaluated(NamedTuple):
    """Of one configuration.

    Attributes
    ----------
    energies : (n,) float64, eV, self energies included
    forces : (n, 3) float64, eV/Å
    virial : (3, 3) float64, eV, ``sum_p r_p ⊗ dE/dr_p``
    closest : the pair that is closer than in training, if there is one
    not_finite : the first atom whose energy or force is not finite, or -1
    """

    energies: np.ndarray
    forces: np.ndarray
    virial: np.ndarray
    closest: Closest | None
    not_finite: int


class NativeEvaluator:
    """A potential at work in the runtime, with buffers and a neighbour list of its own.

    Copies and pickles share the potential and nothing else.

    Parameters
    ----------
    potential : NativePotential
    limits : (S, S), of the guard against extrapolation
    """

    def __init__(self, potential: "NativePotential", limits: np.ndarray):
        self.potential, self._limits = potential, limits
        self._evaluation = _core.Evaluation(potential.model)
        self._checked: tuple[bytes, bytes] | None = None

    def __reduce__(self):
        return NativeEvaluator, (self.potential, self._limits)

    def __deepcopy__(self, _):
        return NativeEvaluator(self.potential, self._limits)

    def compute(
        self, positions: np.ndarray, species: np.ndarray, cell: np.ndarray, periodic: np.ndarray
    ) -> Evaluated:
        """As for ``neighbour_pairs``, with the species (n,), int64.

        Raises
        ------
        InputError
            As ``neighbour_pairs``, or two atoms are in one place.
        """
        space = cell.tobytes(), periodic.tobytes()
        if space != self._checked:
            check_cell(cell, periodic)
            self._checked = space
        try:
            found = self._evaluation.compute(positions, species, cell, periodic, self._limits)
        except ValueError as error:
            raise refusal(error, positions, cell, periodic) from error
        return Evaluated(*found)


def evaluator_of(potential: "ExportedPotential", limits: np.ndarray):
    """Whatever evaluates such a potential; its ``compute`` is that of ``NativeEvaluator``."""
    from hipnn_ts.export.potential import NativePotential

    if isinstance(potential, NativePotential):
        return NativeEvaluator(potential, limits)
    from hipnn_ts.ase.scripted import ScriptedEvaluator

    return ScriptedEvaluator(potential, limits)
