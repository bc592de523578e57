"""The configuration keys that declare the columns, units and signs of reference data."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, model_validator

from hipnn_ts.validation import Section

# Common names of arrays, tried in this order if the configuration names none.
USUAL = {
    "energy": ("energy", "energies", "E"),
    "forces": ("forces", "F"),
    "stress": ("stress", "stresses"),
    "virial": ("virial", "virials"),
    "positions": ("positions", "coordinates", "coords", "R"),
    "species": ("species", "atomic_numbers", "numbers", "nuclear_charges", "z", "Z"),
    "cell": ("cell", "lattice"),
}


class Columns(Section):
    """Names of the columns, keys or arrays; by default the common names are tried."""

    energy: str | None = Field(default=None, description="[energy; arrays: energies, E]")
    forces: str | None = Field(default=None, description="[forces; arrays: F]")
    stress: str | None = Field(
        default=None, description="[stress; arrays: stresses]: 3x3, nine or, as in ASE, six numbers"
    )
    virial: str | None = Field(
        default=None,
        description="[virial, virials], used if there is no stress: -volume * stress, an energy",
    )
    weight: str | None = Field(
        default=None, description="number that multiplies a configuration's errors in the loss"
    )
    config_type: str = Field(default="config_type", description="group of a configuration")
    positions: str | None = Field(
        default=None, description="arrays only [positions, coordinates, coords, R]"
    )
    species: str | None = Field(
        default=None,
        description="arrays only [species, atomic_numbers, numbers, nuclear_charges, z, Z]",
    )
    cell: str | None = Field(default=None, description="arrays only [cell, lattice]")

    @model_validator(mode="after")
    def _one_tensor(self) -> "Columns":
        if self.stress and self.virial:
            raise ValueError("expected 'stress' or 'virial', found both")
        return self


class Units(Section):
    """Units of the numbers in the files."""

    energy: Literal["eV", "kcal/mol", "kJ/mol", "hartree"] = Field(
        default="eV", description="unit of energies and virials; forces are energy over length"
    )
    length: Literal["Å", "angstrom", "bohr"] = Field(
        default="Å", description="unit of positions and cells"
    )
    stress: Literal["eV/Å^3", "GPa", "kbar"] | None = Field(
        default=None, description="unit of stresses [energy over length cubed]"
    )


class LabelConfig(Section):
    """Columns, units and sign of the reference values."""

    columns: Columns = Columns()
    units: Units = Units()
    forces_are: Literal["forces", "gradient"] = Field(
        default="forces", description="gradient: the column holds the energy gradient, -F"
    )
    stress_are: Literal["tensile", "pressure"] = Field(
        default="tensile",
        description="sign of the stress column: tension is positive, as in ASE, or pressure is, as "
        "VASP prints it",
    )
    config_type_weights: dict[str, NonNegativeFloat] = Field(
        default={}, description="factor on the errors of each config_type; 1 for all others"
    )
