"""Screened repulsion of nuclei at short distance by Ziegler, Biersack and Littmark (ZBL).

Formula and constants are those of LAMMPS's ``pair_style zbl`` in metal units
(https://docs.lammps.org/pair_zbl.html), after J. F. Ziegler, J. P. Biersack, U. Littmark, The
Stopping and Range of Ions in Matter, volume 1 (Pergamon, 1985).
"""

import math

import torch
from torch import Tensor, nn

from hipnn_ts.model.config import NetworkConfig, RepulsionRadii

COULOMB = 14.399645  # e²/4πε0, eV Å
# Weight and decay of each term of the universal screening function.
SCREENING = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))
SCREENING_LENGTH, SCREENING_EXPONENT = 0.46850, 0.23  # Å, screening length for nuclear charges


def radii_text(zbl: RepulsionRadii) -> str:
    """For a message: "0.53 to 0.79 Å", or the same for each pair of elements."""
    if isinstance(zbl, dict):
        return ", ".join(f"{pair} {inner:g} to {outer:g} Å" for pair, (inner, outer) in zbl.items())
    return f"{zbl[0]:g} to {zbl[1]:g} Å"


def acts_on(zbl: RepulsionRadii | None, closest_approach: dict[str, float] | None) -> bool:
    """Whether a repulsion reaches the training data, so that the network has learned what it leaves
    and is right beside it alone.

    ``closest_approach`` of the data is {"H-O": 0.87, ...} in Å. Where it is None, not known, radii
    for each pair are taken for those that training chooses, which reach no atoms.
    """
    if zbl is None or closest_approach is None:
        return isinstance(zbl, tuple)
    for pair, distance in closest_approach.items():
        radii = zbl.get(pair) if isinstance(zbl, dict) else zbl
        if radii is not None and radii[1] > distance:
            return True
    return False


class Repulsion(nn.Module):
    """The repulsion between the species of a network with ``config.zbl``. It has no weights.

    ``coefficients`` (pairs of species, 11), float64, contains the strengths (eV Å) and exponents
    (1/Å) of the four screened terms, and the cubic coefficient, quartic coefficient and shift of
    the switch, which makes energy, force and curvature vanish at the outer radius. ``radii`` (pairs
    of species, 2), float64, contains the inner and outer radii, Å.
    """

    def __init__(self, config: NetworkConfig):
        super().__init__()
        charges, radii = config.atomic_numbers, config.repulsion_radii
        self.n_species = len(charges)
        self.reach = max(outer for _, outer in radii)
        pairs = [(i, j) for i in charges for j in charges]
        coefficients = [_coefficients(*p, *own) for p, own in zip(pairs, radii, strict=True)]
        # No buffers: files would contain them among the weights, and they would get the network's
        # precision.
        self.coefficients = torch.tensor(coefficients, dtype=torch.float64)
        self.radii = torch.tensor(radii, dtype=torch.float64)

    def forward(
        self, species: Tensor, receivers: Tensor, senders: Tensor, vectors: Tensor, n_receivers: int
    ) -> Tensor:
        """Energies (n_receivers,) in eV, float64, for pairs as in Potential.

        A directed pair gives half of its energy to its receiver.
        """
        # Most pairs are farther apart and are skipped.
        squares = vectors.detach().square().sum(dim=1)
        close = torch.nonzero(squares < self.reach * self.reach).squeeze(1)
        ends = receivers.index_select(0, close)
        first = species.index_select(0, ends)
        second = species.index_select(0, senders.index_select(0, close))
        pairs = first * self.n_species + second
        own = self.coefficients.to(vectors.device).index_select(0, pairs)
        inner, outer = self.radii.to(vectors.device).index_select(0, pairs).unbind(dim=1)
        distances = torch.linalg.vector_norm(
            vectors.index_select(0, close).to(torch.float64), dim=1
        )
        terms = own[:, 0:4] * torch.exp(own[:, 4:8] * distances.unsqueeze(1))
        within = (distances - inner).clamp(min=0.0)
        switch = within * within * within * (own[:, 8] + own[:, 9] * within) + own[:, 10]
        whole = torch.where(distances < outer, terms.sum(dim=1) / distances + switch, 0.0)
        energies = torch.zeros(n_receivers, dtype=torch.float64, device=vectors.device)
        return energies.index_add(0, ends, 0.5 * whole)


def _coefficients(z_receiver: int, z_sender: int, inner: float, outer: float) -> list[float]:
    length = SCREENING_LENGTH / (z_receiver**SCREENING_EXPONENT + z_sender**SCREENING_EXPONENT)
    strengths = [COULOMB * z_receiver * z_sender * weight for weight, _ in SCREENING]
    exponents = [-decay / length for _, decay in SCREENING]
    # Energy, slope and curvature at the outer radius, which the switch removes.
    energy = slope = curvature = 0.0
    for strength, exponent in zip(strengths, exponents, strict=True):
        term = strength * math.exp(exponent * outer) / outer
        falling = exponent - 1.0 / outer
        energy += term
        slope += term * falling
        curvature += term * (falling**2 + 1.0 / outer**2)
    width = outer - inner
    cubic = (-3.0 * slope + width * curvature) / width**2 / 3.0
    quartic = (2.0 * slope - width * curvature) / width**3 / 4.0
    shift = -energy + width * slope / 2.0 - width**2 * curvature / 12.0
    return [*strengths, *exponents, cubic, quartic, shift]
