"""The force with thermostats, barostats, replicas, collective variables and restarts."""

import copy

import numpy as np
import openmm
import pytest
import torch
from openmm import XmlSerializer, unit

from hipnn_ts.openmm import create_force

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("implementation", ["torch", "python"]),
]


def langevin(seed, temperature=300):
    integrator = openmm.LangevinMiddleIntegrator(temperature, 5.0, 0.0002)
    integrator.setRandomNumberSeed(seed)
    return integrator


def barostats():
    pressure, temperature = 1.0 * unit.bar, 300 * unit.kelvin
    three = openmm.Vec3(1.0, 1.0, 1.0) * unit.bar
    return {
        "isotropic": openmm.MonteCarloBarostat(pressure, temperature, 1),
        "anisotropic": openmm.MonteCarloAnisotropicBarostat(
            three, temperature, True, True, True, 1
        ),
        "flexible": openmm.MonteCarloFlexibleBarostat(pressure, temperature, 1),
    }


@pytest.mark.parametrize("kind", barostats())
def test_barostat_moves_without_dynamics(
    random_model, water, build_system, engine, expected, agree, implementation, kind
):
    """With steps too short to move atoms, only the barostat acts; rejected moves leave no trace."""
    atoms = water(2)
    model = random_model()
    system = build_system(model, atoms, implementation)
    barostat = barostats()[kind]
    barostat.setRandomNumberSeed(5)
    system.addForce(barostat)
    placed = engine(system, integrator=openmm.VerletIntegrator(1e-12)).place(atoms.positions)
    energy, forces = placed.energy_and_forces()
    cell = placed.cell()
    accepted = rejected = 0
    for _ in range(40):
        placed.context.getIntegrator().step(1)
        found = placed.energy_and_forces()
        if np.array_equal(cell, placed.cell()):
            rejected += 1
            assert found[0] == energy
            np.testing.assert_array_equal(found[1], forces)
        else:
            accepted += 1
            cell = placed.cell()
            atoms.positions = placed.positions()
            atoms.set_cell(cell)
            agree(found, expected(model, atoms))
        energy, forces = found
    assert accepted > 2
    assert rejected > 2


@pytest.mark.parametrize("kind", barostats())
def test_constant_pressure_dynamics_as_in_a_fresh_context(
    random_model, water, build_system, engine, agree, implementation, kind
):
    atoms = water(2)
    system = build_system(random_model(), atoms, implementation)
    barostat = barostats()[kind]
    barostat.setRandomNumberSeed(7)
    system.addForce(barostat)
    placed = engine(system, "CPU", langevin(1)).place(atoms.positions)
    cells = set()
    for _ in range(6):
        placed.context.getIntegrator().step(5)
        cells.add(placed.cell().tobytes())
        fresh = engine(system, "CPU").place(placed.positions(), placed.cell())
        agree(placed.energy_and_forces(), fresh.energy_and_forces(), 1e-12)
    assert len(cells) > 2


def test_langevin_is_the_same_by_both_implementations_and_repeats(
    random_model, water, build_system, engine, implementation
):
    atoms = water(2)
    ends = []
    for each in (implementation, implementation, "torch"):
        system = build_system(random_model(), atoms, each)
        placed = engine(system, "Reference", langevin(3)).place(atoms.positions)
        placed.context.setVelocitiesToTemperature(300, 3)
        placed.context.getIntegrator().step(60)
        ends.append(placed.positions())
    np.testing.assert_array_equal(ends[0], ends[1])
    np.testing.assert_array_equal(ends[0], ends[2])
    assert np.abs(ends[0] - atoms.positions).max() > 0.2


def test_replicas_in_turn_run_as_if_alone(
    random_model, water, build_system, engine, implementation
):
    atoms = water(2)
    system = build_system(random_model(torch.float32), atoms, implementation)
    temperatures = (200, 300, 450)

    # Contexts on the Reference platform would share one stream of random numbers.
    def replica(temperature):
        placed = engine(system, "CPU", langevin(9, temperature)).place(atoms.positions)
        placed.context.setVelocitiesToTemperature(temperature, 9)
        return placed

    alone = []
    for temperature in temperatures:
        placed = replica(temperature)
        placed.context.getIntegrator().step(50)
        alone.append(placed.positions())
    together = [replica(temperature) for temperature in temperatures]
    for _ in range(10):
        for placed in together:
            placed.context.getIntegrator().step(5)
    for placed, wanted in zip(together, alone, strict=True):
        np.testing.assert_array_equal(placed.positions(), wanted)


def test_exchange_of_configurations(random_model, water, build_system, engine, implementation):
    first, second = water(2), water(2)
    second.rattle(0.1, seed=4)
    system = build_system(random_model(), first, implementation)
    a, b = engine(system).place(first.positions), engine(system).place(second.positions)
    energies = a.energy_and_forces()[0], b.energy_and_forces()[0]
    states = [each.context.getState(positions=True) for each in (a, b)]
    a.context.setState(states[1])
    b.context.setState(states[0])
    assert (b.energy_and_forces()[0], a.energy_and_forces()[0]) == energies
    assert energies[0] != energies[1]


def test_checkpoint_continues_to_the_bit(random_model, water, build_system, engine, implementation):
    atoms = water(2)
    system = build_system(random_model(), atoms, implementation)
    cell = atoms.cell.array * 1.01
    placed = engine(system, "CPU", langevin(4)).place(atoms.positions, cell)
    placed.context.setVelocitiesToTemperature(300, 4)
    placed.context.getIntegrator().step(20)
    checkpoint = placed.context.createCheckpoint()
    placed.context.getIntegrator().step(30)
    wanted = placed.positions()
    placed.place(atoms.positions * 1.1, atoms.cell.array).energy_and_forces()
    for each in (placed, engine(system, "CPU", langevin(4))):
        each.context.loadCheckpoint(checkpoint)
        each.context.getIntegrator().step(30)
        np.testing.assert_array_equal(each.positions(), wanted)
        np.testing.assert_allclose(each.cell(), cell, rtol=0, atol=1e-12)


def test_force_and_state_as_xml(random_model, water, build_system, engine, agree, implementation):
    atoms = water(2)
    system = build_system(random_model(torch.float32), atoms, implementation)
    placed = engine(system, "Reference", langevin(4)).place(atoms.positions)
    placed.context.getIntegrator().step(10)
    wanted = placed.energy_and_forces()
    restored = copy.deepcopy(system)
    restored.removeForce(0)
    restored.addForce(XmlSerializer.deserialize(XmlSerializer.serialize(system.getForce(0))))
    state = placed.context.getState(positions=True, velocities=True)
    fresh = engine(restored)
    fresh.context.setState(XmlSerializer.deserialize(XmlSerializer.serialize(state)))
    agree(fresh.energy_and_forces(), wanted, 1e-12)


def test_context_made_anew(random_model, water, build_system, engine, agree, implementation):
    atoms = water(2)
    placed = engine(build_system(random_model(), atoms, implementation)).place(atoms.positions)
    wanted = placed.energy_and_forces()
    placed.context.reinitialize(preserveState=True)
    agree(placed.energy_and_forces(), wanted, 1e-12)


def test_forces_in_groups(random_model, water, engine, expected, agree, implementation):
    """Forces of two networks on overlapping atoms are right in each force group and in the sum."""
    atoms = water(2)
    models = random_model(), random_model(n_features=(6,))
    parts = [(models[0], range(24)), (models[1], [0, 1, 2, 9, 10, 11]), (models[0], [9, 10, 11, 2])]
    system = openmm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    system.setDefaultPeriodicBoxVectors(*(atoms.cell.array * 0.1))
    for group, (model, own) in enumerate(parts):
        force = create_force(model, atoms.numbers, own, True, implementation)
        force.setForceGroup(group)
        system.addForce(force)
    placed = engine(system, "CPU").place(atoms.positions)
    energy, forces = 0.0, np.zeros((24, 3))
    for group, (model, own) in enumerate(parts):
        wanted = expected(model, atoms[list(own)])
        scattered = np.zeros((24, 3))
        scattered[list(own)] = wanted[1]
        agree(placed.energy_and_forces(groups={group}), (wanted[0], scattered))
        energy, forces = energy + wanted[0], forces + scattered
    agree(placed.energy_and_forces(), (energy, forces))


def test_inside_a_collective_variable(
    random_model, water, build_system, engine, expected, agree, implementation
):
    atoms = water(2)
    model = random_model()
    system = build_system(model, atoms, implementation)
    inner = copy.deepcopy(system.getForce(0))
    system.removeForce(0)
    variable = openmm.CustomCVForce("scale*network + 3*scale")
    variable.addGlobalParameter("scale", 0.5)
    variable.addCollectiveVariable("network", inner)
    system.addForce(variable)
    placed = engine(system, "CPU")
    three = 3 * unit.kilojoule_per_mole / unit.AVOGADRO_CONSTANT_NA / unit.elementary_charge
    constant = three.value_in_unit(unit.volt)
    for factor, scale in ((1.0, 0.5), (1.03, 0.5), (1.03, -2.0)):
        atoms.set_cell(np.eye(3) * 6.2 * factor, scale_atoms=True)
        placed.context.setParameter("scale", scale)
        energy, forces = expected(model, atoms)
        found = placed.place(atoms.positions, atoms.cell.array).energy_and_forces()
        agree(found, (scale * (energy + constant), scale * forces))
    inside = variable.getCollectiveVariableValues(placed.context)[0]
    per_ev = three.value_in_unit(unit.volt) / 3
    assert inside * per_ev == pytest.approx(energy, rel=1e-10)
