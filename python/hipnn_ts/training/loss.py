"""What training minimises.

The loss of a batch is a function of a few sums over its configurations. Where several processes
share a batch, the sums are added over them first: the loss is then that of the whole batch.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from hipnn_ts.data.batch import Batch
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.errors import UNITS, Deviation, weighted_sums
from hipnn_ts.training.sections import LossConfig

# Under the root of the mean square: its derivative stays finite for a perfect batch.
TINY = 1e-20
# (meV)^2: two shares of an atom's energy below it count as equally small.
FLOOR = 1e-6


def batch_sums(
    found: dict[str, Deviation], terms: Tensor, batch: Batch, weights: LossConfig
) -> Tensor:
    """Sums (4, 3) that the loss of a batch depends on, float64.

    Rows energy, forces, stress hold count, sum of absolute values and of squares, as
    ``weighted_sums``; the last holds number of atoms and sum of their hierarchicalities.
    """
    rows = []
    for quantity in UNITS:
        difference, weight = found[quantity]
        if quantity == "energy" and weights.energy_per == "configuration":
            n_atoms = batch.n_atoms.index_select(0, batch.with_energy)
            difference = difference * n_atoms.unsqueeze(1)
        rows.append(weighted_sums(difference.double(), weight))
    # An atom of a configuration without weight is there to fill the batch up.
    real = (batch.weight > 0).index_select(0, batch.configuration).double()
    hierarchical = real @ hierarchicality(terms).double()
    rows.append(torch.stack([real.sum(), hierarchical, real.new_zeros(())]))
    return torch.stack(rows)


def summed(sums: Tensor, reduce: Callable[[Tensor], Tensor]) -> Tensor:
    """Sums over all processes, with the derivative of this one's; ``reduce`` adds a tensor up."""
    return sums + (reduce(sums.detach().clone()) - sums.detach())


def error_loss(sums: Tensor, weights: LossConfig) -> Tensor:
    """Weighted RMSE + MAE + MSE of each quantity, and hierarchicality, from ``batch_sums``."""
    # All at once, and zero where nothing counts, without asking: a GPU would have to be waited for.
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
    """``sum_k E_k^2 / (E_k^2 + E_(k-1)^2)`` of each atom (N,) over the blocks k after the first.

    Small where the energy converges with the blocks (Lubbers, Smith, Barros, J. Chem. Phys. 148,
    241715 (2018), section II D); zero for a single block. ``terms`` (N, n_blocks), eV.
    """
    squares = terms.square() + FLOOR
    return (squares[:, 1:] / (squares[:, 1:] + squares[:, :-1])).sum(dim=1)


def squared_weights(potential: Potential) -> Tensor:
    """Sum of the squares of all weight matrices of the blocks, as hippynn's ``l2reg``."""
    return torch.stack([weight.square().sum() for weight in weight_matrices(potential)]).sum()


def weight_matrices(potential: Potential) -> Iterable[Tensor]:
    """Weights of the blocks without biases, sensitivities, scales and readouts."""
    for name, parameter in potential.blocks.named_parameters():
        if name.endswith(("weight", "weights")):
            yield parameter
