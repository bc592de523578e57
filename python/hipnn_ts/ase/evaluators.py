"""From positions to energies, forces and virial, by the runtime or by torch."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from hipnn_ts import _core
from hipnn_ts.errors import InputError
from hipnn_ts.export.structures import (
    Deviations,
    Evaluated,
    StructureBatch,
    choice_of,
    measures_of,
)
from hipnn_ts.neighbours import check_cell, refusal

if TYPE_CHECKING:
    from hipnn_ts.export.potential import ExportedPotential, NativePotential


class NativeEvaluator:
    """A potential in the runtime, with its own buffers and neighbour list.

    Copies and pickles share only the potential.

    Parameters
    ----------
    potential : NativePotential
    limits : (S, S), limits of the guard against extrapolation
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
        self.potential, self._arguments = potential, (limits, member, uncertainty)
        self._limits = limits
        self._choice = choice_of(potential, member, uncertainty)
        self._evaluation = _core.Evaluation(potential.model)
        self._batch: StructureBatch | None = None
        self._checked: tuple[bytes, bytes] | None = None

    def __reduce__(self):
        return NativeEvaluator, (self.potential, *self._arguments)

    def __deepcopy__(self, _):
        return NativeEvaluator(self.potential, *self._arguments)

    def compute(
        self, positions: np.ndarray, species: np.ndarray, cell: np.ndarray, periodic: np.ndarray
    ) -> Evaluated:
        """Arguments as for ``neighbour_pairs``, with the species (n,), int64.

        Raises
        ------
        InputError
            The errors of ``neighbour_pairs``, or two atoms are at one place.
        """
        space = cell.tobytes(), periodic.tobytes()
        if space != self._checked:
            check_cell(cell, periodic)
            self._checked = space
        try:
            found = self._evaluation.compute(
                positions,
                species,
                cell,
                periodic,
                self._limits,
                virial=bool(periodic.any()),
                **self._choice,
            )
        except ValueError as error:
            raise refusal(error, positions, cell, periodic) from error
        deviations, uncertainty = measures_of(found[5:])
        apart = None if deviations is None else Deviations(*deviations)
        return Evaluated(*found[:5], apart, uncertainty)

    def compute_batch(
        self, structures: Sequence[Atoms], name: Callable[[int], str]
    ) -> list[Evaluated]:
        """See ``StructureBatch.compute``."""
        if self._batch is None:
            self._batch = StructureBatch(self.potential, *self._arguments)
        return self._batch.compute(structures, name)


def evaluator_of(
    potential: "ExportedPotential",
    limits: np.ndarray,
    member: int | None = None,
    uncertainty: bool = True,
):
    """The evaluator for such a potential; its methods are those of ``NativeEvaluator``.

    Raises
    ------
    InputError
        There is no such member.
    """
    from hipnn_ts.export.potential import NativePotential

    if isinstance(potential, NativePotential):
        return NativeEvaluator(potential, limits, member, uncertainty)
    if member is not None:
        raise InputError(
            f"member: expected a committee on the CPU, found {potential.name} on "
            f"{potential.device}, which torch evaluates"
        )
    from hipnn_ts.ase.scripted import ScriptedEvaluator

    return ScriptedEvaluator(potential, limits)
