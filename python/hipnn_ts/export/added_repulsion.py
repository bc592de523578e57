"""A repulsion of nuclei for a model that was trained without one.

Sensitivities fade out below ``soft_min``: without a repulsion, atoms that come much closer than any
in the training data meet a plateau of the energy, which they can pass.
"""

from hipnn_ts.errors import InputError
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.validation import validated


def with_repulsion(potential: Potential, inner: float, outer: float) -> Potential:
    """The same network, plus the ZBL repulsion between these radii, Å.

    Raises
    ------
    InputError
        The potential has a repulsion, or the radii are not 0 < inner < outer <= cutoff.
    """
    config = potential.config
    if config.zbl is not None:
        raise InputError(f"--zbl: expected a model without a repulsion, found zbl {config.zbl}")
    content = config.model_dump() | {"zbl": (inner, outer)}
    changed = Potential(validated(NetworkConfig, content, "--zbl"))
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
