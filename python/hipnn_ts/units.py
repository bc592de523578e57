"""Units of reference data and imported models, in eV and Å."""

from ase import units

ENERGY_UNITS = {
    "eV": 1.0,
    "kcal/mol": units.kcal / units.mol,
    "kJ/mol": units.kJ / units.mol,
    "hartree": units.Hartree,
}
LENGTH_UNITS = {"Å": 1.0, "angstrom": 1.0, "bohr": units.Bohr}
STRESS_UNITS = {"eV/Å^3": 1.0, "GPa": units.GPa, "kbar": 0.1 * units.GPa}
