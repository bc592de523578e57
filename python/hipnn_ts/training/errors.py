"""Errors of a potential, accumulated over batches."""

from typing import NamedTuple

import torch
from torch import Tensor

from hipnn_ts.data.batch import Batch
from hipnn_ts.training.prediction import Prediction

UNITS = {"energy": "meV/atom", "forces": "meV/Å", "stress": "meV/Å^3"}


class Deviation(NamedTuple):
    """Differences from the reference: rows are configurations (energy, stress) or atoms."""

    difference: Tensor  # (M, components), eV/atom, eV/Å, eV/Å^3
    weight: Tensor  # (M,) float64, weight of each row's configuration


def deviations(prediction: Prediction, batch: Batch) -> dict[str, Deviation]:
    """Deviations by quantity; no rows if the batch has no reference."""
    energy = prediction.energy.index_select(0, batch.with_energy) - batch.energy
    energy = energy / batch.n_atoms.index_select(0, batch.with_energy)
    forces = prediction.forces.index_select(0, batch.with_forces) - batch.forces
    owner = batch.configuration.index_select(0, batch.with_forces)
    stress = (prediction.stress - batch.stress).flatten(1)
    return {
        "energy": Deviation(energy.unsqueeze(1), batch.weight.index_select(0, batch.with_energy)),
        "forces": Deviation(forces, batch.weight.index_select(0, owner)),
        "stress": Deviation(stress, batch.weight.index_select(0, batch.with_stress)),
    }


class ErrorSums:
    """Mean absolute and root mean square errors over all batches that were added."""

    def __init__(self):
        # For each quantity: count, sum of absolute values, sum of squares.
        self.sums = torch.zeros(len(UNITS), 3, dtype=torch.float64)

    def add(self, found: dict[str, Deviation]) -> None:
        """Add one batch's ``deviations``."""
        for index, quantity in enumerate(UNITS):
            values = found[quantity].difference.detach().double()
            one = torch.ones_like(found[quantity].weight)
            self.sums[index] += weighted_sums(values, one).cpu()

    def result(self) -> dict[str, float]:
        """``energy_mae``, ``energy_rmse``, ``forces_mae``, ... in ``UNITS``, over all batches.

        Each configuration counts equally, whatever its weight in the loss.
        """
        out = {}
        for quantity, sums in zip(UNITS, self.sums.tolist(), strict=True):
            count, absolute, square = sums
            if count:
                out[f"{quantity}_mae"] = 1e3 * absolute / count
                out[f"{quantity}_rmse"] = 1e3 * (square / count) ** 0.5
        return out


def weighted_sums(values: Tensor, weight: Tensor) -> Tensor:
    """Number of components, sum of their absolute values and of their squares (3,) float64.

    ``values`` (M, components), ``weight`` (M,) of the rows, both float64.
    """
    if len(values) == 0:
        return values.new_zeros(3)
    components = torch.stack([torch.ones_like(values), values.abs(), values.square()])
    return components.sum(dim=2) @ weight
