"""The radius within which norms of tensor moments are round, if the moments vanish by symmetry.

At each site of diamond, fcc and bcc, and at the carbon of methane, the moments E of orders one and
two vanish. There the invariant √(|E|² + ε) is a cone whose tip is rounded within a displacement u =
√ε / |dE/du|. Force constants from larger displacements, and optimisers with larger steps, see the
cone instead of the curvature.
"""

from typing import NamedTuple

import torch
from ase.data import atomic_numbers, covalent_radii
from torch import Tensor

from hipnn_ts.model.config import NetworkConfig, pair_name
from hipnn_ts.model.geometry import PairGeometry
from hipnn_ts.model.layers import InteractionLayer
from hipnn_ts.model.potential import Potential
from hipnn_ts.operators import reference

# Å; phonon codes use such displacements, and optimisers end with such steps
SMALLEST_RADIUS = 0.01
DEFAULT = NetworkConfig.model_fields["cusp_regularisation"].default
_STEP = 1e-5  # Å; of the differences that give dE/du
_CORNERS = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))


class Rounding(NamedTuple):
    """The radius for one site: an atom among four others at the corners of a tetrahedron.

    Attributes
    ----------
    centre, corners : chemical symbols
    distance : distance between them, Å
    radius : √ε / |dE/du|, Å, the smallest among blocks and tensor orders
    """

    centre: str
    corners: str
    distance: float
    radius: float


def rounding(
    potential: Potential, closest_approach: dict[str, float] | None = None
) -> Rounding | None:
    """The sharpest site among all pairs of elements; None for a network without norms.

    Hydrogen has one neighbour and occupies no such site, unless there is no other element.

    Parameters
    ----------
    potential : Potential
    closest_approach : {"H-O": 0.87, ...}, Å, in the training data: the smallest tetrahedron
    """
    config = potential.config
    if config.l_max == 0 or config.invariants != "norms":
        return None
    plain = Potential(config, fused=False).to(torch.float64)
    plain.load_state_dict(potential.state_dict())
    sharpest = None
    for a, centre in enumerate(config.elements):
        if centre == "H" and config.elements != ("H",):
            continue
        distances = [_distance(centre, b, closest_approach or {}) for b in config.elements]
        radii = config.cusp_regularisation**0.5 / _slopes(plain, a, distances)
        b = int(radii.argmin())
        if sharpest is None or radii[b] < sharpest.radius:
            sharpest = Rounding(centre, config.elements[b], distances[b], float(radii[b]))
    return sharpest


def remark(potential: Potential, closest_approach: dict[str, float] | None = None) -> str | None:
    """One sentence for a user whose potential has norms sharper than typical displacements."""
    found = rounding(potential, closest_approach)
    if found is None or found.radius >= SMALLEST_RADIUS:
        return None
    return (
        f"cusp_regularisation {potential.config.cusp_regularisation:g} rounds norms only within "
        f"{found.radius:.1g} Å of a symmetric site ({found.centre} among four {found.corners}), "
        f"expected at least {SMALLEST_RADIUS:g} Å: force constants depend on the displacement and "
        f"optimisers may not converge; fine-tune or train with {DEFAULT:g}"
    )


def _slopes(potential: Potential, centre: int, distances: list[float]) -> Tensor:
    """Largest |dE/du| in 1/Å, over blocks and orders, of one species among four of each."""
    clusters = torch.zeros(len(distances), 5, 3, dtype=torch.float64)
    corners = torch.tensor(_CORNERS, dtype=torch.float64) / 3**0.5
    clusters[:, 1:] = torch.tensor(distances, dtype=torch.float64)[:, None, None] * corners
    clusters[:, 0, 0] = _STEP
    species = torch.arange(len(distances))[:, None].repeat(1, 5)
    species[:, 0] = centre
    ends = torch.tensor([(i, j) for i in range(5) for j in range(5) if i != j]).t()
    receivers, senders = (ends[:, None] + 5 * torch.arange(len(distances))[:, None]).flatten(1)
    positions = clusters.view(-1, 3)
    slopes: list[Tensor] = []

    def observe(layer: InteractionLayer, arguments: tuple) -> None:
        slopes.extend(norms[::5] / _STEP for norms in _norms(layer, *arguments))

    hooks = [block.interaction.register_forward_pre_hook(observe) for block in potential.blocks]
    with torch.no_grad():
        vectors = positions[senders] - positions[receivers]
        potential(species.view(-1), receivers, senders, vectors)
    for hook in hooks:
        hook.remove()
    return torch.stack(slopes).amax(dim=0)


def _norms(
    layer: InteractionLayer,
    features: Tensor,
    receivers: Tensor,
    senders: Tensor,
    geometry: PairGeometry,
    n_receivers: int,
) -> list[Tensor]:
    """Moments (n_receivers,) of each order, root mean square over features weighted by their
    scales."""
    n_sensitivities, n_out, n_in = layer.weights.shape
    projections = (features @ layer.weights.reshape(-1, n_in).t()).view(-1, n_sensitivities, n_out)
    radial = reference.sensitivities(geometry.distances, layer.mu, layer.sigma, layer.cutoff)
    moments = reference.moments(
        geometry.components, radial, projections, receivers, senders, n_receivers
    )
    out = []
    for order, scale in enumerate(layer.scales):
        one_order = torch.zeros_like(layer.scales)
        one_order[order] = 1.0
        norms = reference.invariants(moments, one_order, 0.0) - moments[:, 0]
        out.append(((scale * norms).square().sum(dim=1) / scale.square().sum()).sqrt())
    return out


def _distance(centre: str, corner: str, closest_approach: dict[str, float]) -> float:
    """Å, distance of bonded atoms."""
    bond = sum(float(covalent_radii[atomic_numbers[symbol]]) for symbol in (centre, corner))
    return max(bond, closest_approach.get(pair_name(centre, corner), 0.0))
