"""The architecture of a hippynn network, deduced from the shapes of its weights."""

import re
from dataclasses import dataclass

import torch
from torch import Tensor

from hipnn_ts.errors import InputError
from hipnn_ts.hippynn.nodes import Entries, require_finite
from hipnn_ts.operators import reference

# One name for each tensor order above 0.
SCALES = ("vecscales", "quadscales")
# Entries that only networks of another kind have.
FOREIGN = {
    "sensitivity.matching": "a network with SensitivityBottleneck",
    "activation": "a network with an activation other than softplus",
}


@dataclass(frozen=True)
class Architecture:
    """Sizes of a hippynn network, in the terms of :class:`~hipnn_ts.model.config.NetworkConfig`."""

    n_inputs: int
    n_features: tuple[int, ...]
    n_middle_features: tuple[int, ...]
    n_atom_layers: int
    n_sensitivities: int
    l_max: int
    residual: bool
    dtype: torch.dtype
    n_polynomials: int = 0
    """Kinds of polynomial invariants; 0 with norms."""
    normalised: bool = False
    """Whether polynomials are."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Width of the input features and of each block's output."""
        return (self.n_inputs, *self.n_features)

    def interaction(self, block: int) -> str:
        """Key prefix of a block's interaction layer."""
        return f"blocks.{block}.0." + ("base_layer." if self.residual else "")

    @property
    def n_max(self) -> int | None:
        """The smallest number of factors that gives this number of kinds of polynomials."""
        no_moments = torch.zeros(0, (self.l_max + 1) ** 2, 1)
        for n_max in range(1, 5):
            if reference.polynomials(no_moments, n_max).shape[1] == self.n_polynomials:
                return n_max
        return None

    def constant_keys(self) -> list[str]:
        """hippynn's keys of values that are equal in every network: maps of tensor components."""
        if self.n_polynomials == 0:
            return []
        keys = [f"tensor_extractor.pmaps.{order}" for order in range(self.l_max + 1)]
        for block in range(len(self.n_features)):
            keys += [f"{self.interaction(block)}invars.cmaps.{order}" for order in range(4)]
        return keys

    def cusp_keys(self) -> list[str]:
        """hippynn's keys of the cusp regularisation, which exist only with norms of tensor
        orders."""
        norms = self.l_max > 0 and self.n_polynomials == 0
        blocks = range(len(self.n_features) if norms else 0)
        return [f"{self.interaction(block)}_extra_state" for block in blocks]

    def keys(self) -> dict[str, str]:
        """This package's key of every weight of the network, and the key of hippynn."""
        keys = {}
        for block in range(len(self.n_features)):
            theirs = self.interaction(block)
            ours = f"blocks.{block}.interaction."
            keys[ours + "weights"] = theirs + "int_weights"
            keys[ours + "mu"] = theirs + "sensitivity.mu"
            keys[ours + "sigma"] = theirs + "sensitivity.sigma"
            if self.n_polynomials:
                keys[ours + "polynomials.mixing"] = theirs + "mixing_weights"
                if self.normalised:
                    keys |= _linear(ours + "polynomials", theirs + "group_norm")
            elif self.l_max >= 1:
                keys[ours + "vector_scales"] = theirs + "vecscales"
            if self.l_max >= 2 and not self.n_polynomials:
                keys[ours + "tensor_scales"] = theirs + "quadscales"
            keys |= _linear(ours + "self_interaction", theirs + "selfint")
            if self.residual:
                keys |= _linear(f"blocks.{block}.outer", f"blocks.{block}.0.res_layer")
                if self.widths[block] != self.widths[block + 1]:
                    adjust = f"blocks.{block}.0.adjust_layer.weight"
                    keys[f"blocks.{block}.adjust.weight"] = adjust
            for layer in range(self.n_atom_layers):
                ours = f"blocks.{block}.onsite.{layer}."
                theirs = f"blocks.{block}.{layer + 1}"
                if self.residual:
                    keys |= _linear(ours + "inner", theirs + ".base_layer")
                    keys |= _linear(ours + "outer", theirs + ".res_layer")
                else:
                    keys |= _linear(ours + "inner", theirs)
        return keys


def _linear(ours: str, theirs: str) -> dict[str, str]:
    return {f"{ours}.{entry}": f"{theirs}.{entry}" for entry in ("weight", "bias")}


def infer_architecture(origin: str, network: Entries) -> Architecture:
    """Deduce the sizes from the entries of a network node, and check that nothing is left over.

    Raises
    ------
    InputError
        An entry is missing, unknown, not finite, or of unexpected type or shape: this is not a
        ``Hipnn``, ``HipnnVec``, ``HipnnQuad`` or ``HipHopnn`` network.
    """
    places = [re.match(r"blocks\.(\d+)\.(\d+)\.", key) for key in network]
    layers = {(int(place[1]), int(place[2])) for place in places if place}
    n_blocks = 1 + max(block for block, _ in layers)
    residual = "blocks.0.0.base_layer.int_weights" in network
    base = "base_layer." if residual else ""
    interactions = [f"blocks.{block}.0.{base}" for block in range(n_blocks)]
    shapes = [_shape(origin, network, f"{key}int_weights", 3) for key in interactions]
    if residual:
        outer = [f"blocks.{block}.0.res_layer.weight" for block in range(n_blocks)]
        n_features = tuple(_shape(origin, network, key, 2)[0] for key in outer)
    else:
        n_features = tuple(shape[1] for shape in shapes)
    polynomials = f"{interactions[0]}mixing_weights" in network
    orders = sum(f"tensor_extractor.pmaps.{order}" in network for order in range(4))
    norms = sum(f"{interactions[0]}{scales}" in network for scales in SCALES)
    architecture = Architecture(
        n_inputs=shapes[0][2],
        n_features=n_features,
        n_middle_features=tuple(shape[1] for shape in shapes),
        n_atom_layers=max(layer for _, layer in layers),
        n_sensitivities=shapes[0][0],
        l_max=max(0, orders - 1) if polynomials else norms,
        residual=residual,
        dtype=network[f"{interactions[0]}int_weights"].dtype,
        n_polynomials=_shape(origin, network, f"{interactions[0]}mixing_weights", 3)[1]
        if polynomials
        else 0,
        normalised=f"{interactions[0]}group_norm.weight" in network,
    )
    if polynomials and architecture.n_max is None:
        raise InputError(
            f"{origin}: expected as many kinds of polynomials as some number of factors makes of "
            f"order {architecture.l_max}, found {architecture.n_polynomials}"
        )
    _check_entries(origin, network, architecture)
    return architecture


def stored_cusp_regularisation(
    origin: str, network: Entries, architecture: Architecture
) -> float | None:
    """ε in the network's entries; None if they contain none.

    Raises
    ------
    InputError
        The layers have different values.
    """
    stored = [network.get(key) for key in architecture.cusp_keys()]
    values = [None if extra is None else float(extra["cusp_reg"]) for extra in stored]
    if len(set(values)) > 1:
        raise InputError(
            f"{origin}: expected one cusp regularisation for all layers, found {values}"
        )
    return values[0] if values else None


def _shape(origin: str, network: Entries, key: str, n_dimensions: int) -> torch.Size:
    value = network.get(key)
    if not isinstance(value, Tensor) or value.dim() != n_dimensions:
        found = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else "none"
        raise InputError(
            f"{origin}: expected an entry '{key}' with {n_dimensions} dimensions, found {found}"
        )
    return value.shape


def _check_entries(origin: str, network: Entries, architecture: Architecture) -> None:
    weights = set(architecture.keys().values())
    known = {*weights, *architecture.cusp_keys(), *architecture.constant_keys()}
    unknown = sorted(network.keys() - known)
    if unknown:
        kinds = [kind for mark, kind in FOREIGN.items() if f".{mark}." in f".{unknown[0]}."]
        raise InputError(
            f"{origin}: expected a Hipnn, HipnnVec, HipnnQuad or HipHopnn network, found entry "
            f"'{unknown[0]}' of {kinds[0] if kinds else 'another kind of network'}, "
            "which this package does not have"
        )
    missing = sorted(weights - network.keys())
    if missing:
        raise InputError(f"{origin}: expected an entry '{missing[0]}', found none")
    for key in sorted(weights):
        dtype = getattr(network[key], "dtype", None)
        if dtype not in (torch.float32, torch.float64) or dtype != architecture.dtype:
            raise InputError(
                f"{origin}: entry '{key}': expected float32 or float64 as in all weights, "
                f"found {dtype or type(network[key]).__name__}"
            )
    require_finite(origin, {key: network[key] for key in weights})
