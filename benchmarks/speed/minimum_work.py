"""The least arithmetic of a network whose features are contracted before pairs are summed."""

import torch

from hipnn_ts.export.packing import WINDOW_BINS, window_table
from hipnn_ts.model.potential import Potential

# Products per pair and feature in the backward pass, beside those of sensitivities, by l_max: the
# message's gradient, the direction's, and their sums.
BACKWARD_PRODUCTS = {0: 1, 1: 7, 2: 18, 3: 31}


def minimum_flops(
    potential: Potential, distances: torch.Tensor, n_atoms: int, n_species: int
) -> float:
    """FLOP per atom of energy and forces: two for a multiply-add, active sensitivities only.

    Dense products, in the forward and the backward pass: interaction weights of every block but the
    first; self-interaction, on-site and residual weights (without the gradient with respect to the
    first block's one-hot input). Pairs of the first block: an addition to every component for each
    active sensitivity in the forward pass, two products of that size in the backward pass; its
    weights for each component, species and sensitivity in both. Pairs of the other blocks, per
    feature: forward, a message per active sensitivity and its product with each component;
    backward, the message and its slope, BACKWARD_PRODUCTS and the gradient of the projections.

    Parameters
    ----------
    distances : (P,), Å, of all listed pairs; those beyond the cutoff cost nothing
    n_species : int, number of elements among the atoms
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
