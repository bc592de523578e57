"""The facts that a hippynn model does not store, from a small YAML file."""

from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat

from hipnn_ts.errors import InputError
from hipnn_ts.units import ENERGY_UNITS
from hipnn_ts.validation import Section, validated


class ImportSettings(Section):
    """What the user knows about a model trained with hippynn.

    hippynn does not store units, so ``energy_unit`` is always required. An experiment folder
    contains the rest; a bare state dict also lacks the cutoff. A value that contradicts the model
    is refused.
    """

    energy_unit: Literal["eV", "kcal/mol", "kJ/mol", "hartree"] = Field(
        description="unit of the energies that the model was trained on"
    )
    length_unit: Literal["Å", "angstrom", "bohr"] = Field(
        default="Å", description="unit of the model's positions, and of the lengths below"
    )
    elements: tuple[str, ...] | None = Field(
        default=None, description="chemical symbols, in the order of the model's species"
    )
    cutoff: PositiveFloat | None = Field(default=None, description="hard cutoff (dist_hard_max)")
    soft_min: PositiveFloat | None = Field(
        default=None, description="initial centre of the nearest sensitivity, for the record"
    )
    soft_max: PositiveFloat | None = Field(
        default=None, description="initial centre of the farthest sensitivity, for the record"
    )
    n_atom_layers: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="on-site layers of each block, checked against the weights"
    )
    cusp_regularisation: PositiveFloat | None = Field(
        default=None, description="ε under the roots of the tensor norms (cusp_reg)"
    )
    normalisation_epsilon: PositiveFloat | None = Field(
        default=None, description="ε of normalised polynomials (group_norm_eps) [hippynn's, 1e-5]"
    )
    dtype: Literal["float32", "float64"] | None = Field(
        default=None, description="precision of the result [default: the weights' own]"
    )
    network_node: str | None = Field(default=None, description="network, where there are several")
    energy_node: str | None = Field(default=None, description="readout, where there are several")


def parse_settings(content: dict[str, Any], origin: str) -> ImportSettings:
    """Validate settings; ``origin`` names them in the error message.

    Raises
    ------
    InputError
        A key is unknown or missing, or its value cannot be used.
    """
    if "energy_unit" not in content:
        raise InputError(
            f"{origin}: 'energy_unit' is missing, and hippynn models do not store it; "
            f"expected one of {', '.join(ENERGY_UNITS)}"
        )
    return validated(ImportSettings, content, origin)
