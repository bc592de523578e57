"""What training minimises."""

import torch
from torch import Tensor

from hipnn_ts.training.config import LossConfig

# Under the root of the mean square: its derivative stays finite for a perfect batch.
TINY = 1e-20
# (meV)^2: two shares of an atom's energy below it count as equally small.
FLOOR = 1e-6


def error_loss(found: dict[str, Tensor], weights: LossConfig) -> Tensor:
    """Weighted sum of RMSE + MAE of ``deviations``; terms without reference drop out."""
    total = torch.zeros((), dtype=torch.float64, device=found["energy"].device)
    for quantity, difference in found.items():
        weight = getattr(weights, quantity)
        if weight > 0 and difference.numel():
            rmse = (difference.square().mean() + TINY).sqrt()
            total = total + weight * (rmse + difference.abs().mean())
    return total


def hierarchicality(terms: Tensor) -> Tensor:
    """Mean over atoms of ``sum_k E_k^2 / (E_k^2 + E_(k-1)^2)`` over the blocks k after the first.

    Small where the energy converges with the blocks (Lubbers, Smith, Barros, J. Chem. Phys. 148,
    241715 (2018), section II D); zero for a single block. ``terms`` (N, n_blocks), eV.
    """
    squares = terms.square() + FLOOR
    return (squares[:, 1:] / (squares[:, 1:] + squares[:, :-1])).sum(dim=1).mean()
