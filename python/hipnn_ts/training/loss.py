"""The loss function of training.

The loss of a batch is a function of a few sums over its configurations. If several processes share
a batch, they first add these sums: the loss is then that of the whole batch.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from hipnn_ts.data.batch import Batch
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.errors import UNITS, Deviation, weighted_sums
from hipnn_ts.training.sections import LossConfig

# Added under the root of the mean square, so that its derivative stays finite for a perfect batch.
TINY = 1e-20
# (meV)^2: if two contributions to an atom's energy are below it, they count as equally small.
FLOOR = 1e-6


def batch_sums(
    found: dict[str, Deviation], terms: Tensor, batch: Batch, weights: LossConfig
) -> Tensor:
    """Sums (4, 3) on which the loss of a batch depends, float64.

    The rows energy, forces and stress contain the count and the sums of absolute values and of
    squares, as ``weighted_sums``. The last row contains the number of atoms and the sum of their
    hierarchicalities.
    """
    rows = []
    for quantity in UNITS:
        difference, weight = found[quantity]
        if quantity == "energy" and weights.energy_per == "configuration":
            n_atoms = batch.n_atoms.index_select(0, batch.with_energy)
            difference = difference * n_atoms.unsqueeze(1)
        rows.append(weighted_sums(difference.double(), weight))
    # An atom of a configuration without weight only fills up the batch.
    real = (batch.weight > 0).index_select(0, batch.configuration).double()
    hierarchical = real @ hierarchicality(terms).double()
    rows.append(torch.stack([real.sum(), hierarchical, real.new_zeros(())]))
    return torch.stack(rows)


def summed(sums: Tensor, reduce: Callable[[Tensor], Tensor]) -> Tensor:
    """Sums over all processes, with the derivative of this one's; ``reduce`` sums a tensor over
    them."""
    return sums + (reduce(sums.detach().clone()) - sums.detach())


def error_loss(sums: Tensor, weights: LossConfig) -> Tensor:
    """Weighted RMSE + MAE + MSE of each quantity, and the hierarchicality, from ``batch_sums``."""
    # Everything is computed, and zero if nothing counts, without a branch: that would synchronise a
    # GPU.
    counts = sums[:, :1]
    means = sums[:, 1:] / torch.where(counts > 0, counts, 1.0)
    absolute, square = means[: len(UNITS)].unbind(dim=1)
    factors = sums.new_tensor([getattr(weights, name) for name in (*UNITS, "hierarchicality")])
    errors = weights.mae * absolute + weights.mse * factors[: len(UNITS)] * square
    if weights.rmse > 0:
        errors = errors + weights.rmse * (square + TINY).sqrt()
    terms = torch.cat([errors, means[len(UNITS) :, 0]])
    return terms @ torch.where(counts.flatten() > 0, factors, 0.0)


def hierarchicality(terms: Tensor) -> Tensor:
    """``sum_k E_k^2 / (E_k^2 + E_(k-1)^2)`` of each atom (N,), over all blocks k after the first.

    It is small if the energy converges with the blocks (Lubbers, Smith, Barros, J. Chem. Phys. 148,
    241715 (2018), section II D), and zero for a single block. ``terms`` (N, n_blocks), eV.
    """
    squares = terms.square() + FLOOR
    return (squares[:, 1:] / (squares[:, 1:] + squares[:, :-1])).sum(dim=1)


def squared_weights(potential: Potential) -> Tensor:
    """Sum of the squares of all weight matrices of the blocks, as in hippynn's ``l2reg``."""
    return torch.stack([weight.square().sum() for weight in weight_matrices(potential)]).sum()


def weight_matrices(potential: Potential) -> Iterable[Tensor]:
    """Weights of the blocks without biases, sensitivities, scales and readouts."""
    for name, parameter in potential.blocks.named_parameters():
        if name.endswith(("weight", "weights")):
            yield parameter
