"""The nodes of a hippynn graph, deduced from the keys of its state dict.

hippynn names modules by their position in the graph (``moddict.node16.blocks.0...``), so the kind
of a node must be deduced from the names and shapes below it.
"""

import re
from collections.abc import Mapping
from typing import Any

import torch

from hipnn_ts.errors import InputError

Entries = dict[str, Any]

NETWORK = re.compile(r"(.*?)blocks\.0\.0\.(?:base_layer\.)?int_weights")
READOUT = re.compile(r"(.*?)layers\.0\.weight")
ENCODER = re.compile(r"(.*?)species_map")


def find_nodes(state: Mapping[str, Any], pattern: re.Pattern[str]) -> dict[str, Entries]:
    """Entries of every node that has a key of this pattern, by node name, in graph order."""
    nodes = {}
    for prefix in [match[1] for key in state if (match := pattern.fullmatch(key))]:
        below = {key: value for key, value in state.items() if key.startswith(prefix)}
        nodes[prefix.rstrip(".")] = {key.removeprefix(prefix): below[key] for key in below}
    return nodes


def is_chosen(name: str, chosen: str) -> bool:
    """Whether the user means this node: by its full name or the end of it (``node16``)."""
    return f".{name}".endswith(f".{chosen}")


def choose_node(
    path: str, kind: str, candidates: dict[str, Entries], chosen: str | None
) -> tuple[str, Entries]:
    """The one node to import: the user's choice, or the first if all candidates are equal.

    hippynn repeats a network in the state dict if a regulariser or a second calculation shares it.

    Raises
    ------
    InputError
        The choice is not among the candidates, or there are different candidates and no choice.
    """
    if chosen is not None:
        for name, entries in candidates.items():
            if is_chosen(name, chosen):
                return name, entries
        raise InputError(
            f"{path}: {kind}_node '{chosen}' is no {kind} node of this model, "
            f"expected one of {', '.join(candidates)}"
        )
    (first, entries), *others = candidates.items()
    different = [name for name, other in others if not _same(entries, other)]
    if different:
        raise InputError(
            f"{path}: expected one {kind} node, found {', '.join([first, *different])}; "
            f"choose with '{kind}_node' in the settings"
        )
    return first, entries


def species_of(path: str, state: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Atomic numbers in species order, from the graph's one-hot encoder; None without one.

    ``species_map`` maps each atomic number to its species, counted from 1; 0 is padding.

    Raises
    ------
    InputError
        Several encoders disagree.
    """
    found = {}
    for name, entries in find_nodes(state, ENCODER).items():
        species_map = entries["species_map"].tolist()
        pairs = sorted((species, number) for number, species in enumerate(species_map) if species)
        found[tuple(number for _, number in pairs)] = name
    if len(found) > 1:
        raise InputError(
            f"{path}: expected one species encoder, found {', '.join(found.values())} "
            "with different species; such a model cannot be imported"
        )
    return next(iter(found), None)


def require_finite(origin: str, entries: Entries) -> None:
    """Refuse the weights of a diverged training.

    Raises
    ------
    InputError
        An entry contains inf or nan.
    """
    for key, value in entries.items():
        if not torch.isfinite(value).all():
            raise InputError(f"{origin}: entry '{key}': expected finite weights, found inf or nan")


def _same(a: Entries, b: Entries) -> bool:
    if a.keys() != b.keys():
        return False
    return all(
        torch.equal(value, b[key]) if torch.is_tensor(value) else value == b[key]
        for key, value in a.items()
    )
