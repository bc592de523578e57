"""Another repulsion of nuclei for a trained model, where it does not change what was learned.

Sensitivities fade out below ``soft_min``: without a repulsion, atoms that come much closer than any
in the training data meet a plateau of the energy, which they can pass.
"""

from collections.abc import Sequence

from hipnn_ts.errors import InputError
from hipnn_ts.model.config import NetworkConfig, RepulsionRadii
from hipnn_ts.model.potential import Potential
from hipnn_ts.validation import validated


def with_repulsion(potential: Potential, inner: float, outer: float) -> Potential:
    """The same network with the ZBL repulsion between these radii, Å, for all pairs of elements.

    It replaces one with radii for each pair, which training chose where the data has no atoms.

    Raises
    ------
    InputError
        The network was trained beside a repulsion with one pair of radii, or the radii are not
        0 < inner < outer <= cutoff.
    """
    zbl = potential.config.zbl
    if isinstance(zbl, tuple):
        raise InputError(
            f"zbl: expected a model that was trained without a repulsion, found one with "
            f"{zbl[0]:g} to {zbl[1]:g} Å"
        )
    return _changed(potential, (inner, outer))


def with_common_repulsion(potentials: Sequence[Potential]) -> list[Potential]:
    """The same networks, each with the shortest radii that any of them has for a pair of elements,
    if each has radii for the same pairs."""
    radii = [potential.config.zbl for potential in potentials]
    if not all(isinstance(own, dict) and own.keys() == radii[0].keys() for own in radii):
        return list(potentials)
    shortest = {pair: min((own[pair] for own in radii), key=lambda r: r[1]) for pair in radii[0]}
    return [
        potential if own == shortest else _changed(potential, shortest)
        for potential, own in zip(potentials, radii, strict=True)
    ]


def _changed(potential: Potential, zbl: RepulsionRadii) -> Potential:
    content = potential.config.model_dump() | {"zbl": zbl}
    changed = Potential(validated(NetworkConfig, content, "zbl"))
    changed.to(potential.readouts[0].weight.dtype).load_state_dict(potential.state_dict())
    return changed


def remark(outer: float, closest_approach: dict[str, float] | None) -> str | None:
    """What to say of an outer radius that reaches pairs of the training data ({"H-O": 0.87}, Å)."""
    if not closest_approach:
        return None
    pair, distance = min(closest_approach.items(), key=lambda item: item[1])
    if outer <= distance:
        return None
    return (
        f"the repulsion reaches {outer:g} Å, and the closest atoms of the training data were "
        f"{distance:.3f} Å apart ({pair}): it changes energies that the network has learned"
    )
