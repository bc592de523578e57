"""Whether atoms come closer to each other than in the training data, for the engines in Python."""

import warnings
from typing import Literal

import numpy as np

from hipnn_ts.errors import InputError
from hipnn_ts.export.metadata import Metadata

Action = Literal["ignore", "warn", "stop"]


def limits(metadata: Metadata, action: Action) -> np.ndarray:
    """Closest approach of each two species in training, (S, S) float64, Å.

    The cutoff for pairs of elements that training never saw; (0, 0) where nothing is known, as of
    imported models, or where ``action`` is "ignore".

    Raises
    ------
    InputError
        ``action`` is none of those known.
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
    """The same, where it was asked to stop."""


class ExtrapolationGuard:
    """Warns at the 1st, 10th, 100th, ... evaluation of such atoms, or stops at the first."""

    def __init__(self, metadata: Metadata, action: Action):
        self._limits = limits(metadata, action)
        self._stop = action == "stop"
        self.evaluations = self._occasions = 0

    def check(
        self, species: np.ndarray, receivers: np.ndarray, senders: np.ndarray, vectors: np.ndarray
    ) -> None:
        """Judge one evaluation by its pairs.

        Raises
        ------
        ExtrapolationError
            Two atoms are closer than in training, and the guard is to stop there.
        """
        self.evaluations += 1
        if not self._limits.size or not len(vectors):
            return
        limits = self._limits[species[receivers], species[senders]]
        distances = np.linalg.norm(vectors, axis=1)
        pair = int((distances / limits).argmin())
        if distances[pair] >= limits[pair]:
            return
        text = (
            f"atoms {receivers[pair]} and {senders[pair]} are {distances[pair]:.3g} Å apart at "
            f"evaluation {self.evaluations} of this calculator, closer than in the training data "
            f"({limits[pair]:.3g} Å)"
        )
        if self._stop:
            raise ExtrapolationError(text)
        self._occasions += 1
        if self._occasions == 10 ** (len(str(self._occasions)) - 1):
            warnings.warn(
                f"{text}; energies and forces are extrapolated (occasion {self._occasions})",
                ExtrapolationWarning,
                stacklevel=4,
            )
