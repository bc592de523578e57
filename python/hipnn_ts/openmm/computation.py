"""The function that an openmm.PythonForce calls, with pickling for XML."""

import re
import sys
from typing import Any, NamedTuple

import numpy as np

from hipnn_ts import _core
from hipnn_ts.export.extrapolation import ExtrapolationGuard
from hipnn_ts.export.potential import NativePotential
from hipnn_ts.export.structures import Deviations, choice_of, measures_of
from hipnn_ts.openmm.units import ANGSTROMS_PER_NANOMETRE, KILOJOULES_PER_MOLE_PER_EV


class Computation:
    """A picklable function from an OpenMM State to (energy, forces).

    Parameters
    ----------
    step : NativeStep or ScriptedStep
    """

    def __init__(self, step: Any):
        self._step = step

    def __call__(self, state):
        """Energy (kJ/mol) and forces (kJ/mol/nm) of an ``openmm.State`` with positions."""
        positions = state.getPositions(asNumpy=True)._value
        box = None
        if self._step.periodic:
            box = state.getPeriodicBoxVectors(asNumpy=True)._value
        # All Contexts of a force share this object, so several threads may call the step.
        return self._step.evaluate(positions, box)

    def __getstate__(self) -> dict[str, Any]:
        return {"step": self._step}

    def __setstate__(self, state: dict[str, Any] | bytes) -> None:
        if isinstance(state, bytes):  # pickles of versions that evaluated only by torch
            from hipnn_ts.openmm.scripted import scripted_step

            self.__init__(scripted_step(state))
        else:
            self.__init__(state["step"])


class Acting(NamedTuple):
    """The particles on which an exported potential acts.

    Attributes
    ----------
    n_particles : number of particles of the whole system
    atoms : (n,) int64, the particles on which the potential acts
    species : (n,) int64, indices into the potential's elements
    periodic : whether the Context's box is periodic
    limits : (S, S), limits of a guard against extrapolation
    stop : whether that guard stops
    """

    n_particles: int
    atoms: np.ndarray
    species: np.ndarray
    periodic: bool
    limits: np.ndarray
    stop: bool


class NativeStep:
    """A fused potential on some particles of a system.

    Any number of threads may evaluate it at once. A pickle contains the content of the exported
    file.

    Parameters
    ----------
    potential : NativePotential
    acting : Acting
    member : member of a committee to evaluate; None for the mean

    Raises
    ------
    InputError
        There is no such member.
    """

    def __init__(self, potential: NativePotential, acting: Acting, member: int | None = None):
        self._potential, self._acting, self._member = potential, acting, member
        choice = choice_of(potential, member)
        self._choice = choice | {"deviations": False, "uncertainty": False}
        self.periodic = acting.periodic
        self._guard = ExtrapolationGuard(
            acting.limits, acting.stop, "this force", "hipnn-ts: particles"
        )
        self._free: list[_core.Evaluation] = []  # list.pop and append are atomic

    def __reduce__(self):
        return NativeStep, (self._potential, self._acting, self._member)

    def evaluate(self, positions: np.ndarray, box: np.ndarray | None) -> tuple[float, np.ndarray]:
        """Energy (kJ/mol) and forces (n_particles, 3), kJ/mol/nm.

        Parameters
        ----------
        positions : (n_particles, 3), nm
        box : (3, 3), rows are the box vectors, nm; given if periodic

        Raises
        ------
        ValueError
            Particles that cannot be evaluated, as one sentence, which OpenMM passes on.
        """
        acting = self._acting
        own, cell = self._of_atoms(positions, box)
        energies, forces, _, closest, bad = self._compute(own, cell, self._choice)
        warning = self._guard.judge(closest, acting.species, acting.atoms)
        if warning is not None:
            print(f"WARNING: {warning}", file=sys.stderr, flush=True)
        if bad >= 0:
            raise ValueError(self._not_finite(bad, own, cell, [acting.periodic] * 3))
        out = np.zeros((acting.n_particles, 3))
        out[acting.atoms] = forces * (KILOJOULES_PER_MOLE_PER_EV * ANGSTROMS_PER_NANOMETRE)
        return float(energies.sum()) * KILOJOULES_PER_MOLE_PER_EV, out

    def deviations(self, positions: np.ndarray, box: np.ndarray | None) -> Deviations:
        """Deviations of the members of a committee; for a single network, the force uncertainty
        replaces those of forces, and those of energy and virial are nan. Arguments and errors as
        above."""
        choice = choice_of(self._potential, None)
        found = self._compute(*self._of_atoms(positions, box), choice)
        deviations, uncertainty = measures_of(found[5:])
        if uncertainty is not None:
            return Deviations(np.nan, uncertainty, np.full((3, 3), np.nan))
        return Deviations(*deviations)

    def _of_atoms(
        self, positions: np.ndarray, box: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the potential's atoms and the cell, Å."""
        acting = self._acting
        if len(positions) != acting.n_particles:
            raise ValueError(
                f"hipnn-ts: expected the {acting.n_particles} particles that the force was created "
                f"for, found a system of {len(positions)}"
            )
        cell = np.zeros((3, 3)) if box is None else box * ANGSTROMS_PER_NANOMETRE
        return positions[acting.atoms] * ANGSTROMS_PER_NANOMETRE, cell

    def _compute(self, own: np.ndarray, cell: np.ndarray, choice: dict[str, Any]) -> tuple:
        acting = self._acting
        periodic = [acting.periodic] * 3
        evaluation = self._free.pop() if self._free else _core.Evaluation(self._potential.model)
        try:
            return evaluation.compute(
                own, acting.species, cell, periodic, acting.limits, virial=False, **choice
            )
        except ValueError as error:
            raise ValueError(f"hipnn-ts: {self._of_particles(str(error))}") from error
        finally:
            self._free.append(evaluation)

    def _of_particles(self, sentence: str) -> str:
        """A message about atoms, with the particles' numbers in place of ours."""
        subject = re.match(r"atoms? \d+( and \d+)?:", sentence)
        if subject is None:
            return sentence
        named = subject[0].replace("atom", "particle")
        named = re.sub(r"\d+", lambda number: str(self._acting.atoms[int(number[0])]), named)
        return named + sentence[subject.end() :]

    def _not_finite(self, bad: int, own: np.ndarray, cell: np.ndarray, periodic: list[bool]) -> str:
        # A value that is not finite spreads to all particles within a few steps; it is caught near
        # its origin here.
        text = (
            "hipnn-ts: expected finite energies and forces, found none for particle "
            f"{self._acting.atoms[bad]} at evaluation {self._guard.evaluations} of this force"
        )
        cutoff = self._potential.metadata.network.cutoff
        receivers, senders, vectors = _core.neighbour_pairs(own, cell, periodic, cutoff)
        if not len(vectors):
            return text
        distances = np.linalg.norm(vectors, axis=1)
        pair = distances.argmin()
        ends = self._acting.atoms[[receivers[pair], senders[pair]]]
        return (
            f"{text} (closest are the particles {ends[0]} and {ends[1]}, {distances[pair]:.6g} Å "
            "apart)"
        )
