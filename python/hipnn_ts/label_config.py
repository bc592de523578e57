"""Which columns of reference data hold what, in which units: the keys that declare it."""

from typing import Literal

from pydantic import Field, NonNegativeFloat, model_validator

from hipnn_ts.validation import Section

# Names that arrays commonly have, tried in this order where the configuration names none.
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
    """Names of the columns, keys or arrays. Without one the usual names are tried."""

    energy: str | None = Field(default=None, description="[energy; arrays: energies, E]")
    forces: str | None = Field(default=None, description="[forces; arrays: F]")
    stress: str | None = Field(
        default=None, description="[stress; arrays: stresses]: 3x3, nine or, as ASE, six numbers"
    )
    virial: str | None = Field(
        default=None,
        description="[virial, virials], where there is no stress: -volume * stress, an energy",
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
    """What the numbers in the files are given in."""

    energy: Literal["eV", "kcal/mol", "kJ/mol", "hartree"] = Field(
        default="eV", description="of energies and virials; forces are energy over length"
    )
    length: Literal["Å", "angstrom", "bohr"] = Field(default="Å", description="of positions, cells")
    stress: Literal["eV/Å^3", "GPa", "kbar"] | None = Field(
        default=None, description="of stresses [energy over length cubed]"
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
        description="what is positive in the stress column: tension, as ASE has it, or pressure, "
        "as VASP prints it",
    )
    config_type_weights: dict[str, NonNegativeFloat] = Field(
        default={}, description="factor on the errors of each config_type; others keep 1"
    )
