"""From positions to energies, forces and virial: by the runtime, or by torch."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from hipnn_ts import _core
from hipnn_ts.export.structures import Evaluated, StructureBatch
from hipnn_ts.neighbours import check_cell, refusal

if TYPE_CHECKING:
    from hipnn_ts.export.potential import ExportedPotential, NativePotential


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
        self._batch: StructureBatch | None = None
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
            found = self._evaluation.compute(
                positions, species, cell, periodic, self._limits, virial=bool(periodic.any())
            )
        except ValueError as error:
            raise refusal(error, positions, cell, periodic) from error
        return Evaluated(*found)

    def compute_batch(
        self, structures: Sequence[Atoms], name: Callable[[int], str]
    ) -> list[Evaluated]:
        """As ``StructureBatch.compute``."""
        if self._batch is None:
            self._batch = StructureBatch(self.potential, self._limits)
        return self._batch.compute(structures, name)


def evaluator_of(potential: "ExportedPotential", limits: np.ndarray):
    """Whatever evaluates such a potential; its methods are those of ``NativeEvaluator``."""
    from hipnn_ts.export.potential import NativePotential

    if isinstance(potential, NativePotential):
        return NativeEvaluator(potential, limits)
    from hipnn_ts.ase.scripted import ScriptedEvaluator

    return ScriptedEvaluator(potential, limits)
