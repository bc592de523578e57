"""The smallest distance between atoms of each two elements in the training data."""

from collections.abc import Sequence

import numpy as np

from hipnn_ts.data.dataset import Sample
from hipnn_ts.model.config import pair_name


def smallest(first: dict[str, float], second: dict[str, float]) -> dict[str, float]:
    """Of two sets of data, {"H-O": 0.87, ...} in Å each."""
    return first | {pair: min(d, first.get(pair, d)) for pair, d in second.items()}


class ClosestApproach:
    """Grows with each sample that is passed to it.

    Parameters
    ----------
    elements : chemical symbols in species order
    """

    def __init__(self, elements: Sequence[str]):
        self._elements = elements
        self._lowest = np.full((len(elements), len(elements)), np.inf)

    def __call__(self, sample: Sample) -> None:
        """Take the pairs of a sample into account."""
        species = sample.species.numpy()
        ends = species[sample.receivers.numpy()], species[sample.senders.numpy()]
        distances = np.linalg.norm(sample.vectors.double().numpy(), axis=1)
        np.minimum.at(self._lowest, ends, distances)

    def by_elements(self) -> dict[str, float]:
        """{"H-O": 0.87, ...} in Å, symbols in alphabetical order, without pairs that never
        occurred."""
        return {
            pair_name(a, b): float(self._lowest[i, j])
            for i, a in enumerate(self._elements)
            for j, b in enumerate(self._elements)
            if a <= b and np.isfinite(self._lowest[i, j])
        }
