"""The content of an experiment structure, hippynn's pickled graph."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hipnn_ts.errors import InputError
from hipnn_ts.extras import need
from hipnn_ts.hippynn.nodes import is_chosen


@dataclass(frozen=True)
class Structure:
    """Facts in the graph that the state dict lacks; lengths are in the model's unit."""

    network_node: str
    energy_node: str
    cutoff: float
    soft_min: float
    soft_max: float
    normalisation_epsilon: float | None
    hippynn_version: str


def read_structure(path: Path, energy_node: str | None) -> Structure:
    """Unpickle an ``experiment_structure.pt`` (this runs code from it) and describe its graph.

    Raises
    ------
    InputError
        hippynn is missing, the file is not such a structure, or its model is not a HIP-NN,
        HIP-NN-TS or HIP-HOP-NN energy that this package computes.
    """
    hippynn = need("hippynn", f"{path}: reading it")
    try:
        content = torch.load(path, map_location="cpu", weights_only=False)
        model = content["training_modules"][0]
    except Exception as error:  # unpickling foreign objects can raise any exception
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(
            f"{path}: expected a structure that hippynn {hippynn.__version__} can load, "
            f"found {reason}"
        ) from error
    return _describe(path, getattr(model, "module", model), energy_node, hippynn.__version__)


def _describe(path: Path, model: Any, chosen: str | None, version: str) -> Structure:
    from hippynn.graphs.nodes.tags import Energies
    from hippynn.layers.targets import HEnergy
    from hippynn.networks.hipnn import Hipnn

    names = {node: f"moddict.{name}" for node, name in model.names_dict.items()}
    energies = {names[node]: node for node in names if isinstance(node, Energies)}
    found = ", ".join(f"{name} ({type(n.torch_module).__name__})" for name, n in energies.items())
    if chosen is not None:
        energies = {name: node for name, node in energies.items() if is_chosen(name, chosen)}
        if not energies:
            raise InputError(
                f"{path}: energy_node '{chosen}' is no energy node of this model, "
                f"found {found or 'none'}"
            )
    if len(energies) != 1:
        hint = "; choose with 'energy_node' in the settings" if energies else ""
        raise InputError(f"{path}: expected one energy node, found {found or 'none'}{hint}")
    ((energy_node, node),) = energies.items()
    if type(node.torch_module) is not HEnergy:
        kind = type(node.torch_module).__name__
        raise InputError(f"{path}: {energy_node}: expected an HEnergy readout, found {kind}")
    networks = [n for n in node.parents if isinstance(n.torch_module, Hipnn)]
    if not networks:
        read = ", ".join(type(parent.torch_module).__name__ for parent in node.parents)
        raise InputError(f"{path}: {energy_node}: expected a Hipnn network as input, found {read}")
    network = networks[0].torch_module
    cutoff = _check_network(path, network)
    for module in model.moddict.values():
        pairs_to = getattr(module, "hard_dist_cutoff", None)
        if pairs_to is not None and pairs_to < cutoff:
            raise InputError(
                f"{path}: expected pairs up to the network's cutoff {cutoff}, found a pair finder "
                f"that stops at {pairs_to}"
            )
    return Structure(
        network_node=names[networks[0]],
        energy_node=energy_node,
        cutoff=cutoff,
        soft_min=float(network.dist_soft_min),
        soft_max=float(network.dist_soft_max),
        normalisation_epsilon=_normalisation_epsilon(path, network),
        hippynn_version=version,
    )


def _normalisation_epsilon(path: Path, network: Any) -> float | None:
    found = {
        float(module.eps) for module in network.modules() if isinstance(module, torch.nn.GroupNorm)
    }
    if len(found) > 1:
        raise InputError(f"{path}: expected one epsilon of all group norms, found {sorted(found)}")
    return found.pop() if found else None


def _check_network(path: Path, network: Any) -> float:
    """Refuse properties that the weights do not show; return the cutoff of all layers."""
    from hippynn.layers import hiplayers
    from hippynn.networks import hiphop, hipnn

    def require(what: str, found: Any, *expected: type) -> None:
        if type(found) not in expected:
            names = " or ".join(kind.__name__ for kind in expected)
            raise InputError(f"{path}: {what}: expected {names}, found {type(found).__name__}")

    kinds = hipnn.Hipnn, hipnn.HipnnVec, hipnn.HipnnQuad, hiphop.HipHopNNModule
    require("network", network, *kinds)
    require("activation", network.activation, torch.nn.Softplus)
    if (network.activation.beta, network.activation.threshold) != (1, 20):
        raise InputError(f"{path}: activation: expected Softplus(), found {network.activation}")
    for layer in network.sensitivity_layers:
        require(
            "sensitivity",
            layer,
            hiplayers.InverseSensitivityModule,
            hiplayers.GaussianSensitivityModule,
        )
        require("cutoff function", layer.cutoff, hiplayers.CosCutoff)
    cutoffs = sorted({float(layer.cutoff.hard_max_dist) for layer in network.sensitivity_layers})
    if len(cutoffs) != 1:
        raise InputError(f"{path}: expected one cutoff for all layers, found {cutoffs}")
    return cutoffs[0]
