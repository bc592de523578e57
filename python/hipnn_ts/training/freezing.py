"""Weights that training does not change."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from hipnn_ts.errors import InputError
from hipnn_ts.model.layers import InteractionLayer, OnSiteLayer
from hipnn_ts.model.potential import Potential


def freeze(potential: Potential, patterns: Sequence[str]) -> None:
    """Exclude weights from training.

    Parameters
    ----------
    patterns : names of layers, ``blocks.0``, or weights, ``blocks.0.interaction.mu``; ``*`` stands
        for any characters

    Raises
    ------
    InputError
        A pattern matches nothing, or no weight remains to be trained.
    """
    for pattern in patterns:
        found = [p for name, p in potential.named_parameters() if _matches(name, pattern)]
        if not found:
            raise InputError(
                f"training.freeze: '{pattern}': expected a layer of the network (or a pattern with "
                f"*), found none of that name among {', '.join(_layers(potential))}"
            )
        for parameter in found:
            parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in potential.parameters()):
        raise InputError(
            "training.freeze: expected at least one layer left to train, found all of them frozen"
        )


def _matches(name: str, pattern: str) -> bool:
    """The weight itself, or a layer that contains it."""
    parts = name.split(".")
    return any(fnmatchcase(".".join(parts[:n]), pattern) for n in range(1, len(parts) + 1))


def _layers(potential: Potential) -> list[str]:
    """Interaction layers, on-site layers, and linear layers that belong to neither."""
    layers: list[str] = []
    for name, module in potential.named_modules():
        inside = any(name.startswith(f"{layer}.") for layer in layers)
        whole = isinstance(module, InteractionLayer | OnSiteLayer) or not list(module.children())
        if name and whole and not inside and list(module.parameters()):
            layers.append(name)
    return layers
