"""`hipnn-ts ipi` under the real i-PI gives the same results as the ASE calculator."""

import numpy as np
import pytest
from ase import units

pytest.importorskip("ipi.interfaces", reason="no i-PI: pip install 'hipnn-ts[ipi]'")

from ipi_runs import SECONDS, prepare, run, simulation
from ipi_runs import driver as started_driver

from hipnn_ts.ase import HIPNNTSCalculator

pytestmark = pytest.mark.slow

FORCE = units.Hartree / units.Bohr
FULL = [[0, 5, 4], [5, 1, 3], [4, 3, 2]]


def check(found, model, atoms, tolerance=1e-10):
    """Check that every step and bead of i-PI agrees with the calculator, in eV and Å."""
    atoms = atoms.copy()
    atoms.calc = HIPNNTSCalculator(model)
    n_steps, n_beads = found.energies.shape
    for step in range(n_steps):
        atoms.cell = found.cells[step].T * units.Bohr
        for bead in range(n_beads):
            atoms.positions = found.positions[step, bead].reshape(-1, 3) * units.Bohr
            energy = atoms.get_potential_energy()
            np.testing.assert_allclose(
                found.energies[step, bead] * units.Hartree, energy, rtol=0, atol=tolerance
            )
            forces = found.forces[step, bead].reshape(-1, 3) * FORCE
            np.testing.assert_allclose(forces, atoms.get_forces(), rtol=0, atol=tolerance)
            stress = np.zeros((3, 3))
            if atoms.pbc.any():
                stress = atoms.get_stress()[FULL]
            # i-PI keeps only the upper triangle of a virial.
            virial = np.triu(-stress * atoms.get_volume())
            received = found.virials[step, bead] * units.Hartree
            np.testing.assert_allclose(received, virial, rtol=0, atol=tolerance)


@pytest.mark.parametrize("mode", ["inet", "unix"])
def test_a_classical_trajectory(mode, random_model, water, tmp_path):
    atoms = water(2)
    found = run(random_model(), tmp_path, atoms, ensemble="nve", beads=1, mode=mode)
    assert np.ptp(found.positions, axis=0).max() > 0
    check(found, random_model(), atoms)


def test_beads_that_spread(random_model, water, tmp_path):
    atoms = water(2)
    found = run(random_model(), tmp_path, atoms, ensemble="nvt", beads=4, steps=5)
    assert np.ptp(found.positions[-1], axis=0).max() > 0
    check(found, random_model(), atoms)


def test_several_drivers_share_the_beads(random_model, water, tmp_path):
    atoms = water(2)
    found = run(random_model(), tmp_path, atoms, beads=6, steps=5, drivers=2)
    check(found, random_model(), atoms)


@pytest.mark.quick
def test_messages_one_by_one(random_model, water, tmp_path):
    """Earlier versions of i-PI send messages one by one and ask for the status before forces."""
    atoms = water(2)
    found = run(random_model(), tmp_path, atoms, beads=2, consolidated=False)
    check(found, random_model(), atoms)


def test_beads_sent_together(random_model, water, tmp_path):
    """i-PI sends five beads in messages of three, and fills up the last message."""
    atoms = water(2)
    found = run(random_model(), tmp_path, atoms, beads=5, together=3)
    check(found, random_model(), atoms)


@pytest.mark.parametrize("ensemble", ["npt", "nst"])
def test_cells_that_change(ensemble, random_model, water, tmp_path):
    atoms = water(2)
    if ensemble == "nst":
        atoms.set_cell(atoms.cell.array + np.array([[0, 0, 0], [0.3, 0, 0], [0.1, -0.2, 0]]), True)
    found = run(random_model(), tmp_path, atoms, ensemble=ensemble, steps=4)
    assert np.ptp(found.cells, axis=0).max() > 1e-6
    if ensemble == "nst":
        assert abs(found.cells[-1][0, 1]) > 0.1
    check(found, random_model(), atoms)


def test_another_number_of_atoms_without_periodicity(random_model, water, tmp_path):
    atoms = water(2)[:9]
    atoms.set_cell(np.eye(3) * 50)
    atoms.pbc = False
    found = run(random_model(), tmp_path, atoms, "--pbc", "FFF")
    check(found, random_model(), atoms)


def test_single_precision(random_model, water, tmp_path):
    import torch

    model = random_model(torch.float32)
    check(run(model, tmp_path, water(2)), model, water(2))


def test_atomic_energies_are_extras(random_model, water, tmp_path):
    atoms = water(2)
    found = run(random_model(), tmp_path, atoms, "--atomic-energies", beads=2)
    sums = np.sum(found.extras[-1]["energies"], axis=-1)
    np.testing.assert_allclose(sums, found.energies[-1], rtol=0, atol=1e-10)


def test_the_program(random_model, water, tmp_path):
    """The program `i-pi` runs from start to end with the driver."""
    atoms = water(2)
    where = prepare(tmp_path, atoms, ensemble="nve", beads=1, steps=2)
    with (
        simulation(tmp_path) as server,
        started_driver(random_model(), where, tmp_path) as client,
    ):
        out, err = client.communicate(timeout=SECONDS)
        assert client.returncode == 0, out + err
        assert server.wait(timeout=SECONDS) == 0
    first = np.loadtxt(tmp_path / "run.out")[0]
    atoms.calc = HIPNNTSCalculator(random_model())
    np.testing.assert_allclose(first[1], atoms.get_potential_energy(), rtol=1e-7)
