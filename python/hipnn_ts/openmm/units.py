"""The only conversion between OpenMM's nm and kJ/mol and this package's Å and eV."""

from openmm import unit

ANGSTROMS_PER_NANOMETRE = unit.nanometer.conversion_factor_to(unit.angstrom)
KILOJOULES_PER_MOLE_PER_EV = (
    unit.AVOGADRO_CONSTANT_NA * unit.elementary_charge * unit.volt
).value_in_unit(unit.kilojoule_per_mole)
