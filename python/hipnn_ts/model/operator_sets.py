"""The two sets of operators on which a model can run, with the same methods.

Shapes as in :mod:`hipnn_ts.operators.reference`. Scriptable: a model contains one of them.
"""

import torch
from torch import Tensor, nn

from hipnn_ts import operators as _operators  # noqa: F401  registers torch.ops.hipnn_ts
from hipnn_ts.model.geometry import PairGeometry, fused_pair_geometry, pair_geometry
from hipnn_ts.operators import reference


class ReferenceOperators(nn.Module):
    """Plain torch: any libtorch runs it, and derivatives of any order exist."""

    def geometry(self, vectors: Tensor, l_max: int, cutoff: float) -> PairGeometry:
        """Geometry of pairs with ``vectors`` (P, 3), Å."""
        return pair_geometry(vectors, l_max, cutoff)

    def moments(
        self,
        features: Tensor,
        weights: Tensor,
        mu: Tensor,
        sigma: Tensor,
        cutoff: float,
        receivers: Tensor,
        senders: Tensor,
        geometry: PairGeometry,
        n_receivers: int,
    ) -> Tensor:
        """Moments (n_receivers, C, a) of features (n, n_in) with weights (V, a, n_in)."""
        radial = reference.sensitivities(geometry.distances, mu, sigma, cutoff)
        projections = reference.projections(features, weights)
        return reference.moments(
            geometry.components, radial, projections, receivers, senders, n_receivers
        )

    def norms(self, moments: Tensor, scales: Tensor, cusp_regularisation: float) -> Tensor:
        """Scaled norms of the moments, (n, a)."""
        return reference.invariants(moments, scales, cusp_regularisation)

    def polynomials(self, moments: Tensor, n_max: int) -> Tensor:
        """Polynomial invariants of the moments, (n, K, a)."""
        return reference.polynomials(moments, n_max)

    def onsite_layers(
        self, invariants: Tensor, features: Tensor, weights: list[Tensor], residual: bool
    ) -> Tensor:
        """Output features of a block from its invariants and its input features."""
        return reference.onsite_layers(invariants, features, weights, residual)


class FusedOperators(nn.Module):
    """This package's kernels, with first and second derivatives."""

    def geometry(self, vectors: Tensor, l_max: int, cutoff: float) -> PairGeometry:
        """See :meth:`ReferenceOperators.geometry`."""
        return fused_pair_geometry(vectors, l_max, cutoff)

    def moments(
        self,
        features: Tensor,
        weights: Tensor,
        mu: Tensor,
        sigma: Tensor,
        cutoff: float,
        receivers: Tensor,
        senders: Tensor,
        geometry: PairGeometry,
        n_receivers: int,
    ) -> Tensor:
        """See :meth:`ReferenceOperators.moments`; sensitivities below rounding are left out."""
        # Sorted by centre, so that those that matter at one distance are consecutive.
        order = torch.argsort(1.0 / mu)
        weights = weights.index_select(0, order)
        mu, sigma = mu.index_select(0, order), sigma.index_select(0, order)
        first, count = torch.ops.hipnn_ts.active_windows(
            geometry.distances.detach(), mu.detach(), sigma.detach()
        )
        # Finding the largest window would synchronise a GPU, which therefore reads all
        # sensitivities.
        window = weights.shape[0]
        if not count.is_cuda:
            window = int(count.max()) if count.numel() > 0 else 0
        radial = torch.ops.hipnn_ts.sensitivities(
            geometry.inverse_distances, geometry.envelopes, 1.0 / mu, sigma, first, count, window
        )
        return torch.ops.hipnn_ts.moments(
            geometry.components,
            radial,
            reference.projections(features, weights),
            first,
            count,
            receivers,
            senders,
            n_receivers,
        )

    def norms(self, moments: Tensor, scales: Tensor, cusp_regularisation: float) -> Tensor:
        """See :meth:`ReferenceOperators.norms`."""
        return torch.ops.hipnn_ts.invariants(moments, scales, cusp_regularisation)

    def polynomials(self, moments: Tensor, n_max: int) -> Tensor:
        """See :meth:`ReferenceOperators.polynomials`."""
        return torch.ops.hipnn_ts.polynomials(moments, n_max)

    def onsite_layers(
        self, invariants: Tensor, features: Tensor, weights: list[Tensor], residual: bool
    ) -> Tensor:
        """See :meth:`ReferenceOperators.onsite_layers`."""
        if residual:
            return torch.ops.hipnn_ts.onsite_layers(invariants, features, weights)[0]
        return reference.onsite_layers(invariants, features, weights, residual)


def operator_set(fused: bool) -> nn.Module:
    """This package's operators, or plain torch."""
    return FusedOperators() if fused else ReferenceOperators()
