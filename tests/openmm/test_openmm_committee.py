"""Committees in OpenMM: forces of the mean or of a member, and a reporter of deviations."""

import numpy as np
import openmm
import pytest
from committees import combined
from lammps_run import reference
from openmm import app, unit
from uncertainties import expected

from hipnn_ts.errors import InputError
from hipnn_ts.openmm import DeviationReporter, create_force
from hipnn_ts.openmm.units import KILOJOULES_PER_MOLE_PER_EV

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("implementation", ["torch", "python"])
def test_mean_of_members(
    implementation, random_members, random_committee, water, build_system, engine, agree
):
    atoms = water(3)
    system = build_system(random_committee(), atoms, implementation)
    found = engine(system, "CPU").place(atoms.positions).energy_and_forces()
    expected = combined(random_members(), atoms)
    agree(found, (expected.energy, expected.forces), 1e-10)


def test_one_member_survives_xml(
    random_members, random_committee, water, build_system, engine, agree
):
    atoms = water(2)
    system = build_system(random_committee(), atoms, None, member=3)
    again = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(system))
    expected = reference(random_members()[3], atoms)
    for each in (system, again):
        found = engine(each).place(atoms.positions).energy_and_forces()
        agree(found, (expected.energy, expected.forces), 1e-10)


def test_no_such_member(random_committee, random_model):
    with pytest.raises(InputError, match=r"^member: expected one of the 4 of .*, found 4$"):
        create_force(random_committee(), [8, 1, 1], periodic=False, member=4)
    with pytest.raises(InputError, match=r"^member: expected a committee, found the portable "):
        create_force(random_model(portable=True), [8, 1, 1], periodic=False, member=0)
    with pytest.raises(InputError, match=r"^implementation: expected 'python' .*, found 'torch'$"):
        create_force(random_committee(), [8, 1, 1], None, False, "torch", member=0)


def simulation(system, atoms):
    topology = app.Topology()
    residue = topology.addResidue("water", topology.addChain())
    for symbol in atoms.symbols:
        topology.addAtom(symbol, app.Element.getBySymbol(symbol), residue)
    topology.setPeriodicBoxVectors(atoms.cell.array * unit.angstrom)
    integrator = openmm.VerletIntegrator(0.5 * unit.femtosecond)
    platform = openmm.Platform.getPlatformByName("CPU")
    out = app.Simulation(topology, system, integrator, platform)
    out.context.setPositions(atoms.positions * unit.angstrom)
    return out


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("committee", '#"Step","Largest Deviation of a Force'),
        ("uncertainty", '#"Step","Largest Uncertainty of a Force'),
    ],
)
def test_reporter(
    kind, head, random_members, random_committee, random_potential, random_uncertainty,
    uncertain_model, water, build_system, tmp_path,
):  # fmt: skip
    """The reporter writes every second step, for the current positions, in OpenMM's units."""
    atoms, is_committee = water(2), kind == "committee"
    path = random_committee() if is_committee else uncertain_model()
    run = simulation(build_system(path, atoms, "python"), atoms)
    seen = []

    def keep(of, report):
        state = of.context.getState(positions=True)
        seen.append((report, state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)))

    run.reporters.append(
        DeviationReporter(tmp_path / "table", 2, path, run.topology, callback=keep)
    )
    run.step(5)
    assert [report.step for report, _ in seen] == [2, 4]
    table = np.loadtxt(tmp_path / "table", delimiter=",")
    assert (tmp_path / "table").read_text().startswith(head)
    for row, (report, positions) in zip(table, seen, strict=True):
        moved = atoms.copy()
        moved.positions = positions
        if is_committee:
            exact = combined(random_members(), moved)
            of_atoms, energy = exact.forces_std, [exact.energy_std * KILOJOULES_PER_MOLE_PER_EV]
            np.testing.assert_allclose(report.energy, energy[0], rtol=0, atol=1e-8)
        else:
            of_atoms, energy = expected(random_potential(), random_uncertainty(), moved), []
            assert np.isnan(report.energy)
        forces = of_atoms * 10 * KILOJOULES_PER_MOLE_PER_EV
        np.testing.assert_allclose(report.forces, forces, rtol=1e-9, atol=1e-7)
        found = [report.step, forces.max(), forces.min(), forces.mean(), *energy]
        np.testing.assert_allclose(row, found, rtol=1e-8)


def test_callback_ends_a_run(random_committee, water, build_system):
    atoms = water(2)
    run = simulation(build_system(random_committee(), atoms, "torch"), atoms)

    def stop(_, report):
        raise StopIteration(f"{report.forces.max():g}")

    run.reporters.append(
        DeviationReporter(None, 1, random_committee(), run.topology, callback=stop)
    )
    with pytest.raises(StopIteration):
        run.step(3)
    assert run.currentStep == 1


def test_reporter_wants_a_committee(random_model, random_committee, tmp_path):
    with pytest.raises(InputError, match=r": expected a committee, whose members can differ, or"):
        DeviationReporter(None, 1, random_model(), [8, 1, 1], periodic=False)
    with pytest.raises(InputError, match=r"^no/such: cannot be written: No such file or directory"):
        DeviationReporter("no/such", 1, random_committee(), [8, 1, 1], periodic=False)
