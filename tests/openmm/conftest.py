import numpy as np
import openmm
import pytest
from openmm import unit

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.openmm import create_force

EV = unit.AVOGADRO_CONSTANT_NA * unit.elementary_charge * unit.volt


class Engine:
    """An OpenMM Context with an interface in eV and Å."""

    def __init__(self, system, platform="Reference", integrator=None):
        integrator = integrator or openmm.VerletIntegrator(0.1 * unit.femtosecond)
        self.context = openmm.Context(
            system, integrator, openmm.Platform.getPlatformByName(platform)
        )

    def place(self, positions, cell=None):
        if cell is not None:
            self.context.setPeriodicBoxVectors(*(np.asarray(cell) * 0.1))
        self.context.setPositions(positions * unit.angstrom)
        return self

    def positions(self):
        state = self.context.getState(positions=True)
        return state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)

    def cell(self):
        box = self.context.getState().getPeriodicBoxVectors(asNumpy=True)
        return box.value_in_unit(unit.angstrom)

    def energy_and_forces(self, **groups):
        state = self.context.getState(energy=True, forces=True, **groups)
        forces = state.getForces(asNumpy=True)
        return (
            state.getPotentialEnergy() / EV,
            forces.value_in_unit(unit.kilojoule_per_mole / unit.angstrom)
            / EV.value_in_unit(unit.kilojoule_per_mole),
        )


@pytest.fixture
def build_system():
    """Function that returns an OpenMM System of some ASE atoms with one force of ours."""

    def build(model, frame, implementation, **options):
        system = openmm.System()
        for mass in frame.get_masses():
            system.addParticle(mass)
        periodic = bool(frame.pbc.all())
        if periodic:
            system.setDefaultPeriodicBoxVectors(*(frame.cell.array * 0.1))
        options = {"periodic": periodic, "implementation": implementation, **options}
        system.addForce(create_force(model, frame.numbers, **options))
        return system

    return build


@pytest.fixture
def expected():
    """Function that returns energy and forces of ASE atoms from the ASE calculator."""

    def evaluate(model, atoms):
        atoms = atoms.copy()
        atoms.calc = HIPNNTSCalculator(model)
        return atoms.get_potential_energy(), atoms.get_forces()

    return evaluate


@pytest.fixture
def engine():
    return Engine


@pytest.fixture
def agree():
    """Function that checks that two pairs (energy, forces) agree within a tolerance."""

    def check(found, wanted, tolerance=1e-9):
        assert found[0] == pytest.approx(wanted[0], rel=1e-12, abs=tolerance * len(wanted[1]))
        np.testing.assert_allclose(found[1], wanted[1], rtol=0, atol=tolerance)

    return check
