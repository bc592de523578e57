"""Force uncertainty in OpenMM: the forces of such a file, and the reporter."""

import numpy as np
import pytest
from lammps_run import reference
from openmm import unit
from test_openmm_committee import simulation
from uncertainties import expected

from hipnn_ts.openmm import DeviationReporter
from hipnn_ts.openmm.units import KILOJOULES_PER_MOLE_PER_EV

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


def test_reporter(
    random_potential, random_uncertainty, uncertain_model, water, build_system, tmp_path
):
    """Every second step, of the positions that the callback sees, in OpenMM's units."""
    atoms = water(2)
    run = simulation(build_system(uncertain_model(), atoms, "python"), atoms)
    seen = []

    def keep(of, report):
        state = of.context.getState(positions=True)
        seen.append((report, state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)))

    run.reporters.append(
        DeviationReporter(tmp_path / "table", 2, uncertain_model(), run.topology, callback=keep)
    )
    run.step(5)
    assert [report.step for report, _ in seen] == [2, 4]
    table = np.loadtxt(tmp_path / "table", delimiter=",")
    assert (tmp_path / "table").read_text().startswith('#"Step","Largest Uncertainty of a Force')
    for row, (report, positions) in zip(table, seen, strict=True):
        moved = atoms.copy()
        moved.positions = positions
        by_hand = expected(random_potential(), random_uncertainty(), moved)
        forces = by_hand * 10 * KILOJOULES_PER_MOLE_PER_EV
        np.testing.assert_allclose(report.forces, forces, rtol=1e-9)
        assert np.isnan(report.energy)
        found = [report.step, forces.max(), forces.min(), forces.mean()]
        np.testing.assert_allclose(row, found, rtol=1e-8)
