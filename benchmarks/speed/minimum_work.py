"""The arithmetic that the contract-first order of work cannot do without."""

import torch

from hipnn_ts.export.packing import WINDOW_BINS, window_table
from hipnn_ts.model.potential import Potential

# Products a pair and feature cost in the backward pass, beside those of sensitivities, by l_max:
# the message's gradient, the direction's, and their sums.
BACKWARD_PRODUCTS = {0: 1, 1: 7, 2: 18, 3: 31}


def minimum_flops(
    potential: Potential, distances: torch.Tensor, n_atoms: int, n_species: int
) -> float:
    """Flops per atom of energy and forces: two for a multiply-add, active sensitivities only.

    Dense: interaction weights of every block but the first, forward and back; self interaction,
    on-site and residual weights, forward and back (the first block's with respect to its one-hot
    input not counted). The first block's pairs: an addition to every component for each active
    sensitivity forward, two products of that size back; its weights for each component, species and
    sensitivity, forward and back. Pairs of the others, per feature: a message per active
    sensitivity and its spreading over the components forward; back, the message and its slope, the
    products above and the projections' gradient.

    Parameters
    ----------
    distances : (P,), Å, of all listed pairs; those beyond the cutoff cost nothing
    n_species : int, of the atoms that are there
    """
    config = potential.config
    components = (config.l_max + 1) ** 2
    inside = distances[distances < config.cutoff]
    pairs = len(inside) / n_atoms
    bins = (inside * (WINDOW_BINS / config.cutoff)).long().clamp(max=WINDOW_BINS - 1)
    total = 0.0
    for k, block in enumerate(potential.blocks):
        interaction = block.interaction
        order = torch.argsort(1.0 / interaction.mu)
        _, count = window_table(
            1.0 / interaction.mu[order], interaction.sigma[order], config.cutoff
        )
        active = float(count[bins].sum()) / n_atoms
        dense = sum(p.numel() for p in block.onsite.parameters() if p.dim() == 2) * 2
        dense += block.outer.weight.numel() * 2
        dense += interaction.self_interaction.weight.numel() * (2 if k else 1)
        if k == 0:
            table = n_species * config.n_sensitivities * config.n_features[0]
            total += 2.0 * components * (2 * table + 3 * active)
        else:
            dense += interaction.weights.numel() * 2
            forward = active + pairs * components
            backward = 3 * active + pairs * BACKWARD_PRODUCTS[config.l_max]
            total += 2.0 * config.n_features[k] * (forward + backward)
        total += 2.0 * dense
    return total
