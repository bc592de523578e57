"""The layers of a network of the HIP-NN family: interaction, on-site, block."""

from math import sqrt
from typing import Final

import torch
from torch import Tensor, nn

from hipnn_ts.model.config import NORMALISATION_EPSILON, NetworkConfig
from hipnn_ts.model.geometry import PairGeometry
from hipnn_ts.model.operator_sets import operator_set
from hipnn_ts.operators import reference


class PolynomialMixing(nn.Module):
    """Polynomial invariants of K kinds, normalised over the features of an atom, then mixed.

    HIP-HOP-NN: Allen, Shinkle, Bujack, Lubbers, arXiv:2503.23515.
    """

    n_max: Final[int]
    n_kinds: Final[int]
    normalised: Final[bool]
    epsilon: Final[float]

    def __init__(self, config: NetworkConfig, n_features: int):
        super().__init__()
        self.n_max = config.factors
        no_moments = torch.zeros(0, (config.l_max + 1) ** 2, 1)
        self.n_kinds = reference.polynomials(no_moments, self.n_max).shape[1]
        self.normalised = config.normalised
        self.epsilon = config.normalisation_epsilon or NORMALISATION_EPSILON
        width = self.n_kinds * n_features
        # hippynn's initial spread
        deviation = sqrt(2.0 / (width + n_features * n_features))
        self.mixing = nn.Parameter(torch.randn(n_features, width) * deviation)
        size = width if self.normalised else 0
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size))

    @torch.jit.unused
    def folded(self) -> tuple[Tensor, Tensor]:
        """The mixing (a, K a) for polynomials normalised without weight and bias, and the remaining
        bias."""
        if not self.normalised:
            return self.mixing, torch.zeros_like(self.mixing[:, 0])
        return self.mixing * self.weight, self.mixing @ self.bias

    def forward(self, polynomials: Tensor) -> Tensor:
        """Polynomials (n, K, a) -> (n, a)."""
        flat = polynomials.flatten(1)
        if self.normalised:
            flat = torch.group_norm(flat, self.n_kinds, self.weight, self.bias, self.epsilon)
        return flat @ self.mixing.t()


class InteractionLayer(nn.Module):
    """One message pass: invariants of the tensor moments, plus a linear self-interaction.

    The weights are shared by all tensor orders (Chigaev et al. 2023). Norms have a row of
    ``scales`` for each order; polynomials have ``polynomials`` instead.
    """

    cutoff: Final[float]
    cusp_regularisation: Final[float]

    def __init__(self, config: NetworkConfig, n_in: int, n_out: int, fused: bool = True):
        super().__init__()
        self.operators = operator_set(fused)
        self.cutoff = config.cutoff
        self.cusp_regularisation = config.cusp_regularisation
        n = config.n_sensitivities
        self.weights = nn.Parameter(torch.empty(n, n_out, n_in))
        self.mu = nn.Parameter(
            1.0 / torch.linspace(1.0 / config.soft_max, 1.0 / config.soft_min, n)
        )
        self.sigma = nn.Parameter(torch.full((n,), config.initial_sigma))
        norms = config.invariants == "norms"
        self.scales = nn.Parameter(torch.empty(config.l_max if norms else 0, n_out))
        for row in self.scales.data:  # drawn as earlier versions did
            row.copy_(torch.randn(n_out))
        self.polynomials = None if norms else PolynomialMixing(config, n_out)
        self.self_interaction = nn.Linear(n_in, n_out)
        nn.init.xavier_normal_(self.weights)
        nn.init.xavier_normal_(self.self_interaction.weight)

    def forward(
        self,
        features: Tensor,
        receivers: Tensor,
        senders: Tensor,
        geometry: PairGeometry,
        n_receivers: int,
    ) -> Tensor:
        """Features (n, n_in) of all atoms -> invariants (n_receivers, n_out)."""
        moments = self.operators.moments(
            features,
            self.weights,
            self.mu,
            self.sigma,
            self.cutoff,
            receivers,
            senders,
            geometry,
            n_receivers,
        )
        if self.polynomials is not None:
            return self.polynomials(self.operators.polynomials(moments, self.polynomials.n_max))
        return self.operators.norms(moments, self.scales, self.cusp_regularisation)

    def _load_from_state_dict(self, state_dict, prefix, *args, **kwargs):
        stack_scales(state_dict)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def stack_scales(state: dict[str, Tensor]) -> None:
    """Convert the scales in a state dict of an earlier version, or of hippynn, to today's
    ``scales``.

    Those have an entry for each order. An entry that cannot be a row of scales stays.
    """
    for key in [key for key in state if key.endswith("interaction.weights")]:
        interaction = key.removesuffix("weights")
        names = [interaction + name for name in ("vector_scales", "tensor_scales")]
        rows = [state[name] for name in names if name in state]
        shape = state[key].shape[1:2]
        if interaction + "scales" in state or any(row.shape not in (shape, (0,)) for row in rows):
            continue
        rows = [row for row in rows if row.shape == shape]
        state[interaction + "scales"] = (
            torch.stack(rows) if rows else state[key].new_empty(0, *shape)
        )
        for name in names:
            state.pop(name, None)


class OnSiteLayer(nn.Module):
    """Weights of ``outer(softplus(inner(x))) + x`` as a residual layer, otherwise of
    ``softplus(inner(x))``."""

    def __init__(self, n_features: int, n_middle: int, residual: bool):
        super().__init__()
        self.inner = nn.Linear(n_features, n_middle)
        nn.init.xavier_normal_(self.inner.weight)
        self.outer = nn.Linear(n_middle, n_features) if residual else None


class Block(nn.Module):
    """One interaction layer and its on-site layers."""

    residual: Final[bool]

    def __init__(self, config: NetworkConfig, index: int, fused: bool = True):
        super().__init__()
        self.operators = operator_set(fused)
        self.residual = config.residual
        n_in = config.n_features[index - 1] if index > 0 else len(config.elements)
        n_out = config.n_features[index]
        n_middle = config.middle_features[index]
        self.interaction = InteractionLayer(config, n_in, n_middle, fused)
        self.outer = nn.Linear(n_middle, n_out) if config.residual else None
        # If the width changes, the residual path needs a (bias-free) change of width, too.
        self.adjust = (
            nn.Linear(n_in, n_out, bias=False) if config.residual and n_in != n_out else None
        )
        self.onsite = nn.ModuleList(
            OnSiteLayer(n_out, n_middle, config.residual) for _ in range(config.n_atom_layers)
        )

    def forward(
        self,
        features: Tensor,
        receivers: Tensor,
        senders: Tensor,
        geometry: PairGeometry,
        n_receivers: int,
    ) -> Tensor:
        """Features (n, n_in) of all atoms -> features (n_receivers, n_out)."""
        invariants = self.interaction(features, receivers, senders, geometry, n_receivers)
        # A slice of everything would take a noticeable part of each pass.
        own = features if features.shape[0] == n_receivers else features[:n_receivers]
        first = self.interaction.self_interaction
        weights = [first.weight, first.bias]
        if self.outer is not None:
            weights += [self.outer.weight, self.outer.bias]
        for layer in self.onsite:
            weights += [layer.inner.weight, layer.inner.bias]
            if layer.outer is not None:
                weights += [layer.outer.weight, layer.outer.bias]
        if self.adjust is not None:
            weights.append(self.adjust.weight)
        return self.operators.onsite_layers(invariants, own, weights, self.residual)
