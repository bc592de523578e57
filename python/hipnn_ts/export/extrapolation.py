"""For the engines in Python: whether atoms come closer to each other than in the training data."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from hipnn_ts.errors import InputError

if TYPE_CHECKING:
    from hipnn_ts.export.metadata import Metadata

Action = Literal["ignore", "warn", "stop"]

# Receiver, sender and their distance, Å, of the pair farthest below the limit of its two species.
Closest = tuple[int, int, float]


def limits(metadata: "Metadata", action: Action) -> np.ndarray:
    """Closest approach of each two species in training, (S, S) float64, Å.

    The value is the cutoff for pairs of elements that did not occur in training. The shape is (0,
    0) if nothing is known, as for imported models, or if ``action`` is "ignore".

    Raises
    ------
    InputError
        ``action`` is not one of those known.
    """
    if action not in ("ignore", "warn", "stop"):
        raise InputError(f"beyond_training: expected 'ignore', 'warn' or 'stop', found {action!r}")
    seen, network = metadata.closest_approach, metadata.network
    if seen is None or action == "ignore":
        return np.zeros((0, 0))
    return np.array(
        [
            [seen.get("-".join(sorted((a, b))), network.cutoff) for b in network.elements]
            for a in network.elements
        ]
    )


class ExtrapolationWarning(UserWarning):
    """Atoms are closer to each other than in the training data."""


class ExtrapolationError(RuntimeError):
    """The same, when ``beyond_training`` is "stop"."""


class ExtrapolationGuard:
    """Warns at the 1st, 10th, 100th, ... evaluation of such atoms, or stops at the first.

    Threads may share a guard; simultaneous evaluations may then be counted as one.

    Parameters
    ----------
    limits : (S, S), from :func:`limits`
    stop : whether to stop
    what : the evaluating object, as named in messages
    atoms : the word for atoms at the beginning of messages
    """

    def __init__(self, limits: np.ndarray, stop: bool, what: str, atoms: str = "atoms"):
        self.limits = limits
        self.evaluations = 0
        self._stop, self._what, self._atoms = stop, what, atoms
        self._occasions = 0

    def judge(
        self, closest: Closest | None, species: np.ndarray, names: np.ndarray | None = None
    ) -> str | None:
        """Check one evaluation; return the warning that is due, or None.

        Parameters
        ----------
        closest : the pair that is closer than in training
        species : (n,), of the atoms
        names : (n,), numbers of the atoms in messages, default their indices

        Raises
        ------
        ExtrapolationError
            Two atoms are closer than in training, and the guard was created to stop.
        """
        self.evaluations += 1
        if closest is None:
            return None
        *ends, distance = closest
        a, b = ends if names is None else names[ends]
        text = (
            f"{self._atoms} {a} and {b} are {distance:.3g} Å apart at evaluation "
            f"{self.evaluations} of {self._what}, closer than in the training data "
            f"({self.limits[tuple(species[ends])]:.3g} Å)"
        )
        if self._stop:
            raise ExtrapolationError(text)
        self._occasions += 1
        if self._occasions != 10 ** (len(str(self._occasions)) - 1):
            return None
        return f"{text}; energies and forces are extrapolated (occasion {self._occasions})"


def closest_below(
    limits: np.ndarray,
    species: np.ndarray,
    receivers: np.ndarray,
    senders: np.ndarray,
    vectors: np.ndarray,
) -> Closest | None:
    """Among pairs from ``neighbour_pairs``, the one farthest below its limit."""
    if not limits.size or not len(vectors):
        return None
    allowed = limits[species[receivers], species[senders]]
    distances = np.linalg.norm(vectors, axis=1)
    pair = int((distances / allowed).argmin())
    if distances[pair] >= allowed[pair]:
        return None
    return int(receivers[pair]), int(senders[pair]), float(distances[pair])
