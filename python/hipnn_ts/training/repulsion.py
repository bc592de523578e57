"""Radii of a repulsion that acts only where the data has no atoms.

A network has learned nothing of shorter distances than those of its data, and below ``soft_min``
its energy is a plateau that atoms can pass.
"""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import floor

from ase.data import atomic_numbers, covalent_radii

from hipnn_ts.model.config import Radii, pair_name

# Shares of the closest approach. Hotter dynamics than the data's goes below it, so a repulsion that
# began there would spoil their forces: on 1200 K of 3BPA, with data of 300 K, one that begins at
# the closest approach adds 79 meV/Å, at 0.95 of it 2, at 0.9 of it 0.01.
INNER, OUTER = 0.6, 0.9
# Sums of covalent radii beyond which it never begins: data with few contacts says little of them.
FARTHEST = 1.5


def automatic_radii(
    elements: Sequence[str], closest_approach: dict[str, float], cutoff: float
) -> dict[str, Radii]:
    """Inner and outer radius for each pair of elements, Å, in hundredths.

    Parameters
    ----------
    elements : chemical symbols
    closest_approach : {"H-O": 0.87, ...}, Å; pairs that never met are missing
    cutoff : of the network, Å
    """
    out = {}
    for pair in combinations_with_replacement(elements, 2):
        name = pair_name(*pair)
        bond = sum(covalent_radii[atomic_numbers[symbol]] for symbol in pair)
        closest = min(closest_approach.get(name, cutoff), cutoff)
        outer = min(OUTER * closest, FARTHEST * bond)
        out[name] = (_rounded(outer * INNER / OUTER, 0.01), _rounded(outer, 0.02))
    return out


def _rounded(radius: float, least: float) -> float:
    return max(floor(100 * radius + 1e-6) / 100, least)
