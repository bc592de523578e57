"""Import of a model trained with hippynn."""

from pathlib import Path
from typing import Any, TypeVar

import torch
from ase.data import chemical_symbols
from pydantic import ValidationError

from hipnn_ts.errors import InputError
from hipnn_ts.hippynn.architecture import (
    Architecture,
    infer_architecture,
    stored_cusp_regularisation,
)
from hipnn_ts.hippynn.files import Source, read_source
from hipnn_ts.hippynn.nodes import NETWORK, Entries, choose_node, find_nodes, is_chosen, species_of
from hipnn_ts.hippynn.readout import find_readout, has_self_energies
from hipnn_ts.hippynn.settings import ImportSettings, parse_settings
from hipnn_ts.hippynn.state import build_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.cusp import DEFAULT
from hipnn_ts.model.potential import Potential
from hipnn_ts.units import ENERGY_UNITS, LENGTH_UNITS
from hipnn_ts.validation import read_mapping

T = TypeVar("T")

# The value for layers that store none, which is hippynn's own reading of such files.
OLD_CUSP_REGULARISATION = 1e-30


def import_hippynn(
    path: str | Path,
    config: str | Path | ImportSettings | None = None,
    trust_pickle: bool = False,
) -> tuple[Potential, dict[str, Any]]:
    """A potential in eV and Å from a hippynn experiment folder or state dict.

    Parameters
    ----------
    path : experiment folder, or a file with a state dict (``best_model.pt``, or a checkpoint
        with a state dict under ``model``)
    config : settings, or the path of a YAML file with them; see :class:`ImportSettings`
    trust_pickle : allow files that run code stored in them when they are read: the structure of an
        experiment folder, and checkpoints

    Returns
    -------
    tuple of Potential and dict
        the potential, in the precision of the weights unless the settings say otherwise, and its
        provenance.

    Raises
    ------
    InputError
        Files or settings cannot be used, contradict each other, or describe a model that this
        package does not compute.
    """
    if isinstance(config, ImportSettings):
        settings = config
    else:
        content = {} if config is None else read_mapping(config)
        settings = parse_settings(content, str(config or path))
    source = read_source(Path(path), settings.energy_node, trust_pickle)
    origin = str(source.path)
    structure = source.structure
    networks = find_nodes(source.state, NETWORK)
    chosen = settings.network_node
    if structure:
        if chosen is not None and not is_chosen(structure.network_node, chosen):
            raise InputError(
                f"{origin}: the energy reads network {structure.network_node}, but network_node is "
                f"'{chosen}' in the settings"
            )
        chosen = structure.network_node
    network_node, network = choose_node(origin, "network", networks, chosen)
    architecture = infer_architecture(f"{origin}: {network_node}", network)
    chosen = structure.energy_node if structure else settings.energy_node
    energy_node, readout = find_readout(origin, source.state, architecture, chosen)

    energy_factor = ENERGY_UNITS[settings.energy_unit]
    length_factor = LENGTH_UNITS[settings.length_unit]
    cusp, cusp_from = _cusp_regularisation(origin, settings, architecture, network)
    network_config = _network_config(source, settings, architecture, network, cusp, length_factor)
    dtype = getattr(torch, settings.dtype) if settings.dtype else architecture.dtype
    potential = build_potential(
        origin, network_config, architecture, network, readout, energy_factor, length_factor, dtype
    )
    return potential, {
        "source": "hippynn",
        "read_with_hippynn": structure.hippynn_version if structure else None,
        "files": source.checksums,
        "network_node": network_node,
        "energy_node": energy_node,
        "self_energies": has_self_energies(readout),
        "energy_unit": settings.energy_unit,
        "energy_factor": energy_factor,
        "length_unit": settings.length_unit,
        "length_factor": length_factor,
        "cusp_regularisation_from": cusp_from,
        # The weights alone show neither.
        "assumed": [] if structure else ["softplus activation", "cos² cutoff function"],
        "settings": settings.model_dump(mode="json", exclude_none=True),
    }


def _network_config(
    source: Source,
    settings: ImportSettings,
    architecture: Architecture,
    network: Entries,
    cusp: float,
    length_factor: float,
) -> NetworkConfig:
    origin = str(source.path)
    structure = source.structure
    numbers = species_of(origin, source.state)
    symbols = tuple(chemical_symbols[number] for number in numbers) if numbers else None
    elements = _agree(origin, "elements", settings.elements, symbols)
    if elements is None:
        raise InputError(f"{origin}: the model names no species; give 'elements' in the settings")
    if len(elements) != architecture.n_inputs:
        raise InputError(
            f"{origin}: expected one input feature for each of {' '.join(elements)}, "
            f"found {architecture.n_inputs} input features"
        )
    cutoff = _agree(origin, "cutoff", settings.cutoff, structure.cutoff if structure else None)
    if cutoff is None:
        raise InputError(
            f"{origin}: a state dict does not hold the hard cutoff (dist_hard_max); "
            "give 'cutoff' in the settings"
        )
    _agree(origin, "n_atom_layers", settings.n_atom_layers, architecture.n_atom_layers)
    soft_min, soft_max = _soft_range(settings, source, network, architecture, cutoff)
    middle = architecture.n_middle_features
    try:
        return NetworkConfig(
            elements=elements,
            n_features=architecture.n_features,
            n_middle_features=None if middle == architecture.n_features else middle,
            n_atom_layers=architecture.n_atom_layers,
            n_sensitivities=architecture.n_sensitivities,
            l_max=architecture.l_max,
            **_polynomials(origin, settings, source, architecture),
            soft_min=soft_min * length_factor,
            soft_max=soft_max * length_factor,
            cutoff=cutoff * length_factor,
            residual=architecture.residual,
            cusp_regularisation=cusp,
        )
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"{origin}: the network cannot be used: {reason}") from error


def _cusp_regularisation(
    origin: str, settings: ImportSettings, architecture: Architecture, network: Entries
) -> tuple[float, str]:
    """ε and its origin."""
    if architecture.n_polynomials:
        return DEFAULT, "the default, which polynomials do not use"
    stored = stored_cusp_regularisation(origin, network, architecture)
    value = _agree(origin, "cusp_regularisation", settings.cusp_regularisation, stored)
    if value is None:
        return OLD_CUSP_REGULARISATION, "hippynn's value for models that store none"
    return value, "settings" if stored is None else "model"


def _polynomials(
    origin: str, settings: ImportSettings, source: Source, architecture: Architecture
) -> dict[str, Any]:
    """Keys of the network for polynomial invariants, if it has them."""
    stored = source.structure.normalisation_epsilon if source.structure else None
    epsilon = _agree(origin, "normalisation_epsilon", settings.normalisation_epsilon, stored)
    if architecture.n_polynomials == 0:
        return {}
    keys = {"invariants": "polynomials", "n_max": architecture.n_max}
    if not architecture.normalised:
        return keys | {"normalisation": "none"}
    return keys | {"normalisation": "group", "normalisation_epsilon": epsilon}


def _agree(origin: str, key: str, given: T | None, found: T | None) -> T | None:
    """The value of the model or, if it has none, that of the user."""
    if given is not None and found is not None and given != found:
        raise InputError(f"{origin}: '{key}' is {found} in the model, but {given} in the settings")
    return given if found is None else found


def _soft_range(
    settings: ImportSettings,
    source: Source,
    network: Entries,
    architecture: Architecture,
    cutoff: float,
) -> tuple[float, float]:
    """Range of the sensitivities, for the record: the learned mu and sigma are what counts.

    If the initial values are missing, use the learned centres of the first block.
    """
    if source.structure:
        soft_min, soft_max = source.structure.soft_min, source.structure.soft_max
    else:
        mu = network[f"{architecture.interaction(0)}sensitivity.mu"]
        inside = mu[(mu > 0) & (mu <= cutoff)]
        soft_max = inside.max().item() if inside.numel() else cutoff
        soft_min = inside.min().item() if inside.unique().numel() > 1 else 0.5 * soft_max
    soft_min = settings.soft_min or soft_min
    # hippynn allows sensitivities centred beyond the cutoff.
    return soft_min, min(settings.soft_max or soft_max, cutoff)
