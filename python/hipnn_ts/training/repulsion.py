"""Radii of a repulsion that acts only where the data has no atoms.

A network has learned nothing of shorter distances than those of its data, and below ``soft_min``
its energy is a plateau that atoms can pass.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import floor

from ase.data import atomic_numbers, covalent_radii

from hipnn_ts.model.config import Radii, pair_name

# Shares of the closest approach below which the repulsion acts in full, and not at all beyond.
# Where it began at 0.9 and acted in full below 0.6, networks of silicon and molybdenum still had
# wells of more than 1 eV between; where it begins at the closest approach itself, it spoils the
# forces of dynamics hotter than the data (`make bench-repulsion`).
INNER, OUTER = 0.85, 0.95
# Sums of covalent radii beyond which it never begins: data with few contacts says little of them.
FARTHEST = 1.5


def automatic_radii(
    elements: Sequence[str],
    closest_approach: dict[str, float],
    cutoff: float,
    shares: tuple[float, float] = (INNER, OUTER),
) -> dict[str, Radii]:
    """Inner and outer radius for each pair of elements, Å, in hundredths.

    Parameters
    ----------
    elements : chemical symbols
    closest_approach : {"H-O": 0.87, ...}, Å; pairs that never met are missing
    cutoff : of the network, Å
    shares : of the closest approach, for the inner and the outer radius
    """
    inner, outer = shares
    out = {}
    for pair in combinations_with_replacement(elements, 2):
        name = pair_name(*pair)
        bond = sum(covalent_radii[atomic_numbers[symbol]] for symbol in pair)
        closest = min(closest_approach.get(name, cutoff), cutoff)
        begins = min(outer * closest, FARTHEST * bond)
        out[name] = (_rounded(begins * inner / outer, 0.01), _rounded(begins, 0.02))
    return out


def _rounded(radius: float, least: float) -> float:
    return max(floor(100 * radius + 1e-6) / 100, least)
