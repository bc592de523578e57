"""The layers of HIP-NN-TS: interaction, on-site, block."""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from hipnn_ts import operators as _operators  # noqa: F401  registers torch.ops.hipnn_ts
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.geometry import PairGeometry
from hipnn_ts.operators import reference


class InteractionLayer(nn.Module):
    """One message pass: invariants of the tensor moments, and the linear self term beside them.

    The weights are shared by all tensor orders (Chigaev et al. 2023); a row of ``scales`` is all
    that a higher order adds.
    """

    fused: Final[bool]
    cutoff: Final[float]
    cusp_regularisation: Final[float]

    def __init__(self, config: NetworkConfig, n_in: int, n_out: int, fused: bool = True):
        super().__init__()
        self.fused = fused
        self.cutoff = config.cutoff
        self.cusp_regularisation = config.cusp_regularisation
        n = config.n_sensitivities
        self.weights = nn.Parameter(torch.empty(n, n_out, n_in))
        self.mu = nn.Parameter(
            1.0 / torch.linspace(1.0 / config.soft_max, 1.0 / config.soft_min, n)
        )
        self.sigma = nn.Parameter(torch.full((n,), config.initial_sigma))
        self.scales = nn.Parameter(torch.randn(config.l_max, n_out))
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
        weights, mu, sigma = self.weights, self.mu, self.sigma
        if self.fused:
            # Sorted by centre, those that matter at one distance are neighbours.
            order = torch.argsort(1.0 / mu)
            weights = weights.index_select(0, order)
            mu, sigma = mu.index_select(0, order), sigma.index_select(0, order)
        # Contract first: the weights are shared by all orders, so each atom is projected once.
        n_sensitivities, n_out, n_in = weights.shape
        projections = (features @ weights.reshape(n_sensitivities * n_out, n_in).t()).view(
            features.shape[0], n_sensitivities, n_out
        )
        if self.fused:
            # Those below rounding beside the largest one are left out.
            first, count = torch.ops.hipnn_ts.active_windows(
                geometry.distances.detach(), mu.detach(), sigma.detach()
            )
            # The largest window would have to be waited for on a GPU: all are read there.
            window = n_sensitivities
            if not count.is_cuda:
                window = int(count.max()) if count.numel() > 0 else 0
            radial = torch.ops.hipnn_ts.sensitivities(
                geometry.inverse_distances,
                geometry.envelopes,
                1.0 / mu,
                sigma,
                first,
                count,
                window,
            )
            moments = torch.ops.hipnn_ts.moments(
                geometry.components,
                radial,
                projections,
                first,
                count,
                receivers,
                senders,
                n_receivers,
            )
        else:
            radial = reference.sensitivities(geometry.distances, mu, sigma, self.cutoff)
            moments = reference.moments(
                geometry.components, radial, projections, receivers, senders, n_receivers
            )
        if self.fused:
            return torch.ops.hipnn_ts.invariants(moments, self.scales, self.cusp_regularisation)
        return reference.invariants(moments, self.scales, self.cusp_regularisation)

    def _load_from_state_dict(self, state_dict, prefix, *args, **kwargs):
        # Files of earlier versions, and hippynn, have one entry for each order.
        names = [prefix + name for name in ("vector_scales", "tensor_scales")]
        if prefix + "scales" not in state_dict:
            rows = [state_dict.pop(name) for name in names if name in state_dict]
            rows = [row for row in rows if len(row)]
            state_dict[prefix + "scales"] = torch.stack(rows) if rows else self.scales[:0]
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


class OnSiteLayer(nn.Module):
    """``outer(softplus(inner(x))) + x`` as a residual, else ``softplus(inner(x))``."""

    def __init__(self, n_features: int, n_middle: int, residual: bool):
        super().__init__()
        self.inner = nn.Linear(n_features, n_middle)
        nn.init.xavier_normal_(self.inner.weight)
        self.outer = nn.Linear(n_middle, n_features) if residual else None

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, n_features) -> (n, n_features)."""
        if self.outer is None:
            return softplus(self.inner(features))
        return self.outer(softplus(self.inner(features))) + features


class Block(nn.Module):
    """One interaction layer and its on-site layers."""

    fused: Final[bool]

    def __init__(self, config: NetworkConfig, index: int, fused: bool = True):
        super().__init__()
        self.fused = fused
        n_in = config.n_features[index - 1] if index > 0 else len(config.elements)
        n_out = config.n_features[index]
        n_middle = config.middle_features[index]
        self.interaction = InteractionLayer(config, n_in, n_middle, fused)
        self.outer = nn.Linear(n_middle, n_out) if config.residual else None
        # Where the width changes the residual path needs a (bias-free) change of width too.
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
        # A slice of everything would cost its share of each pass.
        own = features if features.shape[0] == n_receivers else features[:n_receivers]
        if self.fused and self.outer is not None:
            first, outer = self.interaction.self_interaction, self.outer
            weights = [first.weight, first.bias, outer.weight, outer.bias]
            for layer in self.onsite:
                if layer.outer is not None:
                    weights += [layer.inner.weight, layer.inner.bias]
                    weights += [layer.outer.weight, layer.outer.bias]
            if self.adjust is not None:
                weights.append(self.adjust.weight)
            return torch.ops.hipnn_ts.onsite_layers(invariants, own, weights)[0]
        hidden = softplus(invariants + self.interaction.self_interaction(own))
        if self.outer is not None:
            hidden = self.outer(hidden) + (own if self.adjust is None else self.adjust(own))
        for layer in self.onsite:
            hidden = layer(hidden)
        return hidden
