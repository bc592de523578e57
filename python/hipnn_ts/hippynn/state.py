"""From the entries of a hippynn state dict to a potential."""

import torch
from torch import Tensor

from hipnn_ts.errors import InputError
from hipnn_ts.hippynn.architecture import Architecture
from hipnn_ts.hippynn.nodes import Entries
from hipnn_ts.hippynn.readout import has_self_energies
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential


def build_potential(
    origin: str,
    config: NetworkConfig,
    architecture: Architecture,
    network: Entries,
    readout: Entries,
    energy_factor: float,
    length_factor: float,
    dtype: torch.dtype,
) -> Potential:
    """The potential with hippynn's weights, in eV and Å.

    Both of hippynn's sensitivities, ``InverseSensitivityModule`` and
    ``GaussianSensitivityModule`` ("linear"), compute ``exp(-(1/r - 1/mu)^2 sigma^2 / 2)`` in
    version 0.1.3, so one mapping serves both. The exponent keeps its value in other units of
    length when mu and sigma are both converted; energies are linear in the readout.

    Parameters
    ----------
    origin : name of the model in error messages
    config : the network in Å
    architecture, network, readout : content of the state dict
    energy_factor, length_factor : eV and Å per unit of the model
    dtype : torch.float32 or torch.float64

    Raises
    ------
    InputError
        A shape contradicts the others.
    """
    state = {ours: network[theirs].double() for ours, theirs in architecture.keys().items()}
    for block in range(len(config.n_features)):
        for centre_or_width in ("mu", "sigma"):
            key = f"blocks.{block}.interaction.{centre_or_width}"
            state[key] = state[key].reshape(-1) * length_factor
        mixing = f"blocks.{block}.interaction.polynomials.mixing"
        if mixing in state:  # (b, K, a) there
            state[mixing] = state[mixing].permute(2, 1, 0).flatten(1)
    first = 1 if has_self_energies(readout) else 0
    for block in range(len(config.n_features)):
        for entry in ("weight", "bias"):
            theirs = readout[f"layers.{first + block}.{entry}"]
            state[f"readouts.{block}.{entry}"] = theirs.double() * energy_factor
    state["self_energies"] = _self_energies(readout, len(config.elements)) * energy_factor

    potential = Potential(config).to(dtype)
    for key, value in potential.state_dict().items():
        # Weights that a network does not have are empty here and absent in hippynn.
        if value.numel() == 0:
            state[key] = value
    try:
        potential.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise InputError(f"{origin}: the weights do not fit each other: {reason}") from error
    return potential


def _self_energies(readout: Entries, n_species: int) -> Tensor:
    if has_self_energies(readout):
        return readout["layers.0.weight"][0].double()
    return torch.zeros(n_species, dtype=torch.float64)
