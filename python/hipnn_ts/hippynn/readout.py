"""The energy readout of a hippynn graph."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hipnn_ts.errors import InputError
from hipnn_ts.hippynn.architecture import Architecture
from hipnn_ts.hippynn.nodes import READOUT, Entries, choose_node, find_nodes, require_finite


def find_readout(
    path: str, state: Mapping[str, Any], architecture: Architecture, chosen: str | None
) -> tuple[str, Entries]:
    """Name and entries of the ``HEnergy`` node that reads the network.

    Its layer 0, without bias on the one-hot species, contains the self energies. If it is absent
    (``first_is_interacting``), every layer has a bias; ``AtomizationEnergy`` has as few layers, but
    no bias.

    Raises
    ------
    InputError
        No node fits, several fit and none was chosen, or the one that fits predicts several targets
        or contains inf or nan.
    """
    nodes = find_nodes(state, READOUT)
    candidates = {name: node for name, node in nodes.items() if _fits(node, architecture)}
    if not candidates:
        found = ", ".join(nodes) if nodes else "none"
        raise InputError(
            f"{path}: expected an energy readout (HEnergy) of features of widths "
            f"{list(architecture.widths)}, found {found}"
        )
    name, entries = choose_node(path, "energy", candidates, chosen)
    n_targets = entries["layers.0.weight"].shape[0]
    if n_targets != 1:
        raise InputError(f"{path}: {name}: expected one energy, found {n_targets} targets")
    require_finite(f"{path}: {name}", entries)
    return name, entries


def has_self_energies(entries: Entries) -> bool:
    """Whether layer 0 reads the species."""
    return "layers.0.bias" not in entries


def _fits(entries: Entries, architecture: Architecture) -> bool:
    first = 0 if has_self_energies(entries) else 1
    expected = set()
    for layer, width in enumerate(architecture.widths[first:]):
        weight = entries.get(f"layers.{layer}.weight")
        if not isinstance(weight, Tensor) or weight.dim() != 2 or weight.shape[1] != width:
            return False
        expected.add(f"layers.{layer}.weight")
        if first + layer > 0:
            expected.add(f"layers.{layer}.bias")
    return entries.keys() == expected
