"""Force uncertainty does not change forces in OpenMM; test_openmm_committee.py has the reporter."""

import pytest
from lammps_run import reference

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("implementation", ["torch", "python"])
def test_forces_are_as_without(
    implementation, random_potential, uncertain_model, water, build_system, engine, agree
):
    atoms = water(3)
    system = build_system(uncertain_model(), atoms, implementation)
    found = engine(system, "CPU").place(atoms.positions).energy_and_forces()
    plain = reference(random_potential(), atoms)
    agree(found, (plain.energy, plain.forces), 1e-10)
