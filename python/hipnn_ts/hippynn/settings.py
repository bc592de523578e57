"""What a hippynn model does not say about itself, from a small YAML file."""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from ase import units
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, ValidationError

from hipnn_ts.errors import InputError

ENERGY_UNITS = {
    "eV": 1.0,
    "kcal/mol": units.kcal / units.mol,
    "kJ/mol": units.kJ / units.mol,
    "hartree": units.Hartree,
}
LENGTH_UNITS = {"Å": 1.0, "angstrom": 1.0, "bohr": units.Bohr}


class ImportSettings(BaseModel):
    """What the user knows about a model trained with hippynn.

    hippynn stores no units, so ``energy_unit`` is always required. An experiment folder holds
    the rest; a bare state dict lacks the cutoff too. A value that contradicts the model is
    refused, not preferred.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

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
    dtype: Literal["float32", "float64"] | None = Field(
        default=None, description="precision of the result [default: the weights' own]"
    )
    network_node: str | None = Field(default=None, description="network, where there are several")
    energy_node: str | None = Field(default=None, description="readout, where there are several")


def read_settings(path: str | Path) -> dict[str, Any]:
    """The mapping in the YAML file at ``path``, not yet validated.

    Raises
    ------
    InputError
        The file is missing, or not a YAML mapping.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: expected YAML, found a file that is not: {reason}") from error
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: expected a YAML mapping of settings, found {type(content).__name__}"
        )
    return content


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
    try:
        return ImportSettings(**content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{origin}: '{key}': found {first['input']!r}: {first['msg']}") from error
