"""Errors of a potential, accumulated over batches."""

from torch import Tensor

from hipnn_ts.data.batch import Batch
from hipnn_ts.training.prediction import Prediction

UNITS = {"energy": "meV/atom", "forces": "meV/Å", "stress": "meV/Å^3"}


def deviations(prediction: Prediction, batch: Batch) -> dict[str, Tensor]:
    """Differences to the reference in eV/atom, eV/Å, eV/Å^3; empty without reference."""
    return {
        "energy": (prediction.energy - batch.energy) / batch.n_atoms,
        "forces": prediction.forces - batch.forces,
        "stress": prediction.stress - batch.stress[batch.has_stress],
    }


class ErrorSums:
    """Mean absolute and root mean square errors over all batches added."""

    def __init__(self):
        self.count = dict.fromkeys(UNITS, 0)
        self.absolute = dict.fromkeys(UNITS, 0.0)
        self.square = dict.fromkeys(UNITS, 0.0)

    def add(self, found: dict[str, Tensor]) -> None:
        """Add one batch's ``deviations``."""
        for quantity, difference in found.items():
            values = difference.detach().double()
            self.count[quantity] += values.numel()
            self.absolute[quantity] += values.abs().sum().item()
            self.square[quantity] += values.square().sum().item()

    def result(self) -> dict[str, float]:
        """``energy_mae``, ``energy_rmse``, ``forces_mae``, ... in ``UNITS``, of what was added."""
        out = {}
        for quantity, count in self.count.items():
            if count:
                out[f"{quantity}_mae"] = 1e3 * self.absolute[quantity] / count
                out[f"{quantity}_rmse"] = 1e3 * (self.square[quantity] / count) ** 0.5
        return out
