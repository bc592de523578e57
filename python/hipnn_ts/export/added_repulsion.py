"""Another repulsion of nuclei for a trained model, where it does not change what was learned.

Sensitivities fade out below ``soft_min``: without a repulsion, atoms that come much closer than any
in the training data meet a plateau of the energy, which they can pass.
"""

from collections.abc import Sequence

from hipnn_ts.errors import InputError
from hipnn_ts.model.config import NetworkConfig, RepulsionRadii
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.repulsion import acts_on, radii_text
from hipnn_ts.validation import validated


def with_repulsion(
    potential: Potential, closest_approach: dict[str, float] | None, inner: float, outer: float
) -> Potential:
    """The same network with the ZBL repulsion between these radii, Å, for all pairs of elements.

    It replaces an earlier one that does not reach the training data, whose ``closest_approach`` is
    {"H-O": 0.87, ...} in Å.

    Raises
    ------
    InputError
        The network was trained beside a repulsion that reaches its data, or the radii are not
        0 < inner < outer <= cutoff.
    """
    zbl = potential.config.zbl
    if acts_on(zbl, closest_approach):
        raise InputError(
            "zbl: expected a model whose network was trained without a repulsion, found one that "
            f"reaches its training data ({radii_text(zbl)})"
        )
    return _changed(potential, (inner, outer))


def with_common_repulsion(
    members: Sequence[tuple[Potential, dict[str, float] | None]],
) -> list[Potential]:
    """The same networks, each with the shortest radii that any of them has for a pair of elements,
    if each has radii for the same pairs, which reach none of its training data (beside it, as in
    ``with_repulsion``)."""
    potentials = [potential for potential, _ in members]
    radii = [potential.config.zbl for potential in potentials]
    if not all(isinstance(own, dict) and own.keys() == radii[0].keys() for own in radii):
        return potentials
    if any(acts_on(potential.config.zbl, closest) for potential, closest in members):
        return potentials
    shortest = {pair: min((own[pair] for own in radii), key=lambda r: r[1]) for pair in radii[0]}
    return [
        potential if own == shortest else _changed(potential, shortest)
        for potential, own in zip(potentials, radii, strict=True)
    ]


def _changed(potential: Potential, zbl: RepulsionRadii) -> Potential:
    content = potential.config.model_dump() | {"zbl": zbl}
    changed = Potential(validated(NetworkConfig, content, "repulsion"))
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
