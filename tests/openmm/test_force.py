import io
import json
import lzma
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import openmm
import pytest
import torch
from ase.build import molecule
from documents import FORMATS
from openmm import unit

from hipnn_ts.export import export_potential, load_exported
from hipnn_ts.openmm import load_torch_plugins
from hipnn_ts.openmm.computation import Acting, Computation
from hipnn_ts.openmm.scripted import scripted

IMPLEMENTATIONS = ["torch", "python"]


def triclinic(water):
    atoms = water(3)
    atoms.set_cell([[9.3, 0, 0], [-2.1, 8.9, 0], [1.3, 2.2, 9.8]], scale_atoms=True)
    atoms.positions += [30.0, -17.0, 4.0]  # far outside of the box
    return atoms


def several_images(water):
    """Return a cell narrower than the cutoff, so that atoms see images of themselves."""
    return molecule("H2O", cell=[3.4, 3.5, 3.6], pbc=True)


STRUCTURES = {
    "molecule": lambda water: molecule("H2O"),
    "liquid": lambda water: water(3),
    "triclinic": triclinic,
    "several images": several_images,
}


@pytest.mark.parametrize("platform", ["Reference", "CPU"])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("structure", STRUCTURES)
def test_agrees_with_ase(
    random_model, water, build_system, engine, expected, agree, structure, implementation, platform
):
    atoms = STRUCTURES[structure](water)
    model = random_model()
    system = build_system(model, atoms, implementation)
    found = engine(system, platform).place(atoms.positions).energy_and_forces()
    agree(found, expected(model, atoms))


HOP = {"invariants": "polynomials", "normalisation": "group", "l_max": 3}


# Products of four moments lose more digits in single precision.
@pytest.mark.parametrize(
    ("architecture", "single"), [({}, 1e-5), (HOP, 5e-5)], ids=["norms", "polynomials"]
)
@pytest.mark.parametrize("portable", [False, True], ids=["fused", "portable"])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_flavours_agree(
    random_model,
    water,
    build_system,
    engine,
    expected,
    agree,
    implementation,
    portable,
    architecture,
    single,
):
    atoms = water(3)
    wanted = expected(random_model(torch.float64, **architecture), atoms)
    for dtype, tolerance in ((torch.float32, single), (torch.float64, 1e-9)):
        model = random_model(dtype, portable, **architecture)
        system = build_system(model, atoms, implementation)
        found = engine(system, "CPU").place(atoms.positions).energy_and_forces()
        agree(found, wanted, tolerance)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_every_format(
    model_of_a_format, water, build_system, engine, agree, tmp_path, expected, implementation
):
    path, potential = model_of_a_format
    export_potential(potential, tmp_path / "model.pt", {})
    system = build_system(path, water(3), implementation, beyond_training="ignore")
    found = engine(system, "CPU").place(water(3).positions).energy_and_forces()
    agree(found, expected(tmp_path / "model.pt", water(3)))


@pytest.mark.parametrize("folder", sorted(FORMATS.iterdir()), ids=lambda folder: folder.name)
def test_systems_that_were_serialised_with_every_format(folder, engine, agree):
    load_torch_plugins()
    system = openmm.XmlSerializer.deserialize(
        lzma.decompress((folder / "system.xml.xz").read_bytes()).decode()
    )
    wanted = json.loads((folder / "water.json").read_text())
    found = engine(system).place(molecule("H2O").positions).energy_and_forces()
    agree(found, (wanted["energy"], np.array(wanted["forces"])))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_subset_beside_a_classical_force(
    random_model, water, build_system, engine, expected, agree, implementation
):
    atoms = water(3)
    model = random_model()
    own = [5, 3, 4, 60, 61, 62, 33]
    system = build_system(model, atoms, implementation, atoms=own)
    springs = openmm.CustomExternalForce("100*(x^2+y^2+z^2)")
    for particle in range(len(atoms)):
        springs.addParticle(particle, [])
    springs.setForceGroup(1)
    system.addForce(springs)
    placed = engine(system).place(atoms.positions)
    energy, forces = placed.energy_and_forces()
    classical = placed.energy_and_forces(groups={1})
    wanted = expected(model, atoms[own])
    scattered = np.zeros_like(forces)
    scattered[own] = wanted[1]
    assert np.abs(classical[1]).min(axis=1).max() > 0.1
    agree((energy, forces), (wanted[0] + classical[0], scattered + classical[1]))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_box_may_change_between_evaluations(
    random_model, water, build_system, engine, expected, agree, implementation
):
    atoms = water(2)
    model = random_model()
    placed = engine(build_system(model, atoms, implementation))
    for factor in (1.0, 1.05, 0.97, 1.0):
        atoms.set_cell(np.diag([6.2, 6.2, 6.2]) * factor, scale_atoms=True)
        found = placed.place(atoms.positions, atoms.cell.array).energy_and_forces()
        agree(found, expected(model, atoms))
    # Only the box changes.
    atoms.set_cell(np.diag([6.2, 6.4, 6.6]), scale_atoms=False)
    placed.context.setPeriodicBoxVectors(*(atoms.cell.array * 0.1))
    agree(placed.energy_and_forces(), expected(model, atoms))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_neighbour_list_stays_right_along_a_trajectory(
    random_model, water, build_system, engine, expected, agree, implementation
):
    atoms = water(2)
    model = random_model()
    placed = engine(build_system(model, atoms, implementation)).place(atoms.positions)
    placed.context.setVelocitiesToTemperature(2000 * unit.kelvin, 3)
    start = placed.positions()
    for _ in range(8):
        placed.context.getIntegrator().step(40)
        atoms.positions = placed.positions()
        agree(placed.energy_and_forces(), expected(model, atoms))
    # The test shows something only if atoms moved far enough for new neighbour searches.
    assert np.linalg.norm(placed.positions() - start, axis=1).max() > 0.5


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_several_contexts_at_once(
    random_model, water, build_system, engine, expected, agree, implementation
):
    atoms = water(2)
    model = random_model()
    system = build_system(model, atoms, implementation)
    frames = []
    for seed in range(4):
        frame = atoms.copy()
        frame.rattle(0.3, seed=seed)
        frames.append(frame)
    engines = [engine(system, "CPU") for _ in frames]

    def run(context, frame):
        return [context.place(frame.positions).energy_and_forces() for _ in range(10)]

    with ThreadPoolExecutor(len(frames)) as pool:
        results = list(pool.map(run, engines, frames))
    for frame, found in zip(frames, results, strict=True):
        wanted = expected(model, frame)
        for each in found:
            agree(each, wanted)


DESERIALISE = """
import openmm  # before torch: OpenMM cannot load openmm-torch's plugins then
import sys
import numpy as np
if sys.argv[3] == "torch":
    from hipnn_ts.openmm import load_torch_plugins
    load_torch_plugins()
system = openmm.XmlSerializer.deserialize(open(sys.argv[1]).read())
context = openmm.Context(
    system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("CPU")
)
context.setPositions(np.load(sys.argv[2]))
state = context.getState(energy=True, forces=True)
print(state.getPotentialEnergy()._value, state.getForces(asNumpy=True)._value[7, 1])
"""


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_system_survives_xml_and_another_process(
    random_model, water, build_system, engine, tmp_path, implementation
):
    atoms = water(3)
    system = build_system(random_model(torch.float32), atoms, implementation)
    placed = engine(system, "CPU").place(atoms.positions)
    placed.energy_and_forces()
    state = placed.context.getState(energy=True, forces=True)
    (tmp_path / "system.xml").write_text(openmm.XmlSerializer.serialize(system))
    np.save(tmp_path / "positions.npy", atoms.positions * 0.1)
    command = [sys.executable, "-c", DESERIALISE, "system.xml", "positions.npy", implementation]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    energy, force = (float(word) for word in done.stdout.split())
    assert energy == pytest.approx(state.getPotentialEnergy()._value, rel=1e-9)
    assert force == pytest.approx(state.getForces(asNumpy=True)._value[7, 1], rel=1e-4, abs=1e-2)


def test_a_python_force_as_it_was_serialised_before_the_runtime(
    random_model, water, build_system, engine, expected, agree
):
    """A pickle from before the runtime, which holds a scripted module's bytes, still works."""
    atoms, model = water(3), random_model()
    every = Acting(
        len(atoms),
        np.arange(len(atoms)),
        (atoms.numbers == 8).astype(np.int64),
        True,
        np.zeros((0, 0)),
        False,
    )
    content = io.BytesIO()
    torch.jit.save(scripted(load_exported(model)[0], every), content)
    old = Computation.__new__(Computation)
    old.__setstate__(content.getvalue())
    system = build_system(model, atoms, "python")
    system.removeForce(0)
    force = openmm.PythonForce(old)
    force.setUsesPeriodicBoundaryConditions(True)
    system.addForce(force)
    found = engine(system, "CPU").place(atoms.positions).energy_and_forces()
    agree(found, expected(model, atoms))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_minimisation(random_model, water, build_system, engine, expected, agree, implementation):
    atoms = water(2)
    model = random_model()
    placed = engine(build_system(model, atoms, implementation)).place(atoms.positions)
    before = placed.energy_and_forces()
    openmm.LocalEnergyMinimizer.minimize(placed.context, 1.0, 30)
    after = placed.energy_and_forces()
    assert after[0] < before[0] - 0.5
    atoms.positions = placed.positions()
    agree(after, expected(model, atoms))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_energy_is_conserved_to_second_order(
    random_model, water, build_system, engine, implementation
):
    """The Verlet energy error falls with the square of the time step, as forces are exact."""
    atoms = water(2)
    system = build_system(random_model(), atoms, implementation)
    deviations = []
    for femtoseconds, steps in ((0.1, 100), (0.05, 200)):
        integrator = openmm.VerletIntegrator(femtoseconds * unit.femtosecond)
        placed = engine(system, "CPU", integrator).place(atoms.positions)
        placed.context.setVelocitiesToTemperature(300 * unit.kelvin, 11)
        total, kinetic = [], []
        for _ in range(20):
            state = placed.context.getState(energy=True)
            kinetic.append(state.getKineticEnergy()._value)
            total.append(state.getPotentialEnergy()._value + kinetic[-1])
            integrator.step(steps // 20)
        deviations.append(np.ptp(total))
    assert deviations[1] < 2e-3 * np.ptp(kinetic)
    assert deviations[0] / deviations[1] > 3.5
