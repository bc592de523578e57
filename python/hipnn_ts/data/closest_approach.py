"""How close atoms of each two elements come to each other in the training data."""

from collections.abc import Sequence

import numpy as np

from hipnn_ts.data.dataset import Sample


class ClosestApproach:
    """Grows with each sample that it is called with.

    Parameters
    ----------
    elements : chemical symbols in species order
    """

    def __init__(self, elements: Sequence[str]):
        self._elements = elements
        self._lowest = np.full((len(elements), len(elements)), np.inf)

    def __call__(self, sample: Sample) -> None:
        """Take its pairs into account."""
        species = sample.species.numpy()
        ends = species[sample.receivers.numpy()], species[sample.senders.numpy()]
        distances = np.linalg.norm(sample.vectors.double().numpy(), axis=1)
        np.minimum.at(self._lowest, ends, distances)

    def by_elements(self) -> dict[str, float]:
        """{"H-O": 0.87, ...} in Å, symbols in alphabetical order; pairs never seen left out."""
        return {
            f"{a}-{b}": float(self._lowest[i, j])
            for i, a in enumerate(self._elements)
            for j, b in enumerate(self._elements)
            if a <= b and np.isfinite(self._lowest[i, j])
        }
