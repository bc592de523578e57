import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.fd import calculate_numerical_stress
from ase.calculators.test import gradient_test
from ase.filters import FrechetCellFilter
from ase.io import Trajectory
from ase.neighborlist import neighbor_list
from ase.optimize import FIRE
from ase.stress import voigt_6_to_full_3x3_stress

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.errors import InputError


def layer(water):
    """Return water periodic in two directions, without a third cell vector."""
    atoms = slab(water)
    atoms.cell[2] = 0.0
    return atoms


def slab(water):
    """Return a slab with vacuum, whose cell vectors are tilted out of the plane."""
    atoms = water(2)
    atoms.pbc = (True, True, False)
    atoms.set_cell([[6.2, 0, 0.3], [-2.1, 5.9, 0], [1.3, 2.2, 16.8]], scale_atoms=False)
    return atoms


def wire(water):
    atoms = water(2)
    atoms.pbc = (False, True, False)
    return atoms


def triclinic(water):
    atoms = water(2)
    atoms.set_cell([[6.2, 0, 0], [-2.1, 5.9, 0.4], [1.3, 2.2, 6.8]], scale_atoms=True)
    atoms.positions += [30.0, -17.0, 4.0]  # far outside of its cell
    return atoms


def tiny(water):
    """Return a cell so small that every atom sees several images of itself."""
    atoms = molecule("H2O", cell=[2.4, 2.5, 2.6], pbc=True)
    atoms.rattle(0.05, seed=3)
    return atoms


STRUCTURES = {
    "molecule": lambda water: molecule("H2O"),
    "atom": lambda water: Atoms("O"),
    "periodic atom": lambda water: Atoms("H", cell=[2.1, 2.2, 2.3], pbc=True),
    "liquid": lambda water: water(3),
    "triclinic": triclinic,
    "tiny cell": tiny,
    "layer": layer,
    "slab": slab,
    "wire": wire,
}


def reference(potential, atoms):
    """Return energies, forces and strain gradient from ASE's neighbour list and autograd."""
    i, j, images = neighbor_list("ijS", atoms, potential.config.cutoff)
    positions = torch.tensor(atoms.positions, requires_grad=True)
    strain = torch.zeros((3, 3), dtype=torch.float64, requires_grad=True)
    deform = torch.eye(3, dtype=torch.float64) + strain
    cell = torch.tensor(atoms.cell.array) @ deform
    moved = positions @ deform
    vectors = moved[j] - moved[i] + torch.tensor(images, dtype=torch.float64) @ cell
    species = torch.tensor([potential.config.elements.index(s) for s in atoms.symbols])
    energies = potential(species, torch.tensor(i), torch.tensor(j), vectors)
    gradients = torch.autograd.grad(
        energies.sum(), [positions, strain], allow_unused=True, materialize_grads=True
    )
    return energies.detach().numpy(), -gradients[0].numpy(), gradients[1].numpy()


@pytest.mark.parametrize("portable", [False, True], ids=["fused", "portable"])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_agrees_with_reference(random_potential, random_model, water, structure, portable):
    atoms = STRUCTURES[structure](water)
    atoms.calc = HIPNNTSCalculator(random_model(portable=portable))
    energies, forces, strain_gradient = reference(random_potential(), atoms)
    assert atoms.get_potential_energy() == pytest.approx(energies.sum(), rel=1e-13)
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
    np.testing.assert_allclose(atoms.get_potential_energies(), energies, rtol=1e-13)
    np.testing.assert_allclose(atoms.get_forces(), forces, rtol=0, atol=1e-11)
    if atoms.pbc.any() and atoms.cell.rank == 3:
        stress = voigt_6_to_full_3x3_stress(atoms.get_stress())
        np.testing.assert_allclose(stress * atoms.get_volume(), strain_gradient, atol=1e-10)


def test_every_format(model_of_a_format, water):
    path, potential = model_of_a_format
    atoms = water(2)
    atoms.calc = HIPNNTSCalculator(path, beyond_training="ignore")
    energies, forces, _ = reference(potential, atoms)
    np.testing.assert_allclose(atoms.get_potential_energies(), energies, rtol=1e-13, atol=1e-11)
    np.testing.assert_allclose(atoms.get_forces(), forces, rtol=0, atol=1e-11)


@pytest.mark.parametrize("portable", [False, True], ids=["fused", "portable"])
def test_float32_agrees_with_float64(random_model, water, portable):
    atoms = water(3)
    results = []
    for dtype in (torch.float32, torch.float64):
        atoms.calc = HIPNNTSCalculator(random_model(dtype, portable))
        results.append((atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()))
    single, double = results
    # Self-energies sum to 55 keV: in float32, smaller energies would be rounded away.
    assert single[0] == pytest.approx(double[0], abs=1e-4)
    np.testing.assert_allclose(single[1], double[1], rtol=0, atol=1e-5)
    np.testing.assert_allclose(single[2], double[2], rtol=0, atol=1e-6)
    assert single[1].dtype == np.float64
    assert np.abs(single[1].sum(axis=0)).max() < 1e-11


def test_forces_are_the_negative_gradient(random_model, water):
    atoms = water(2)
    atoms.calc = HIPNNTSCalculator(random_model())
    forces, differences = gradient_test(atoms, indices=[0, 7, 13])
    np.testing.assert_allclose(forces, differences, rtol=0, atol=1e-3)


def test_results_follow_the_atoms(random_model, water):
    calculator = HIPNNTSCalculator(random_model())
    atoms = water(2)
    atoms.calc = calculator
    before = atoms.get_potential_energy()
    atoms.positions[0] += 0.1
    moved = atoms.get_potential_energy()
    assert moved != before
    atoms.set_cell(atoms.cell.array * 1.01, scale_atoms=True)
    assert atoms.get_potential_energy() != moved
    other = water(3)
    other.calc = calculator
    assert other.get_forces().shape == (81, 3)


@pytest.mark.parametrize("structure", ["slab", "wire"])
def test_stress_of_slabs_and_wires_is_the_derivative(random_model, water, structure):
    """The stress is the numerical strain derivative of the energy over the volume with vacuum."""
    atoms = STRUCTURES[structure](water)
    atoms.calc = HIPNNTSCalculator(random_model())
    stress = voigt_6_to_full_3x3_stress(atoms.get_stress())
    assert np.abs(stress).max() > 1e-3
    np.testing.assert_allclose(
        stress, calculate_numerical_stress(atoms, eps=1e-5, voigt=False), rtol=0, atol=1e-8
    )


def test_a_slab_relaxes_in_its_plane(random_model, water):
    atoms = slab(water)
    atoms.calc = HIPNNTSCalculator(random_model())
    start, energy = atoms.cell.array.copy(), atoms.get_potential_energy()
    FIRE(FrechetCellFilter(atoms, mask=[1, 1, 0, 0, 0, 1]), logfile=None).run(fmax=0.0, steps=15)
    assert atoms.get_potential_energy() < energy - 0.1
    strain = np.linalg.solve(start, atoms.cell.array) - np.eye(3)
    assert np.abs(strain[:2, :2]).max() > 1e-4
    np.testing.assert_allclose(strain[2], 0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(strain[:, 2], 0, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("structure", "found"),
    [("molecule", "0 independent cell vectors and pbc FFF"), ("layer", "2 .* and pbc TTF")],
)
def test_stress_needs_a_volume(random_model, water, structure, found):
    atoms = STRUCTURES[structure](water)
    atoms.calc = HIPNNTSCalculator(random_model())
    for _ in range(2):
        with pytest.raises(
            PropertyNotImplementedError,
            match=f"^stress: expected three independent cell vectors .*, found {found}$",
        ):
            atoms.get_stress()
        atoms.get_potential_energy()


def test_stress_needs_a_periodic_direction(random_model):
    atoms = molecule("H2O", vacuum=3.0)
    atoms.calc = HIPNNTSCalculator(random_model())
    with pytest.raises(PropertyNotImplementedError, match=r"found 3 .* and pbc FFF"):
        atoms.get_stress()


def test_trajectory_keeps_the_results(random_model, tmp_path):
    atoms = molecule("H2O")
    atoms.calc = HIPNNTSCalculator(random_model())
    forces = atoms.get_forces()
    with Trajectory(tmp_path / "water.traj", "w") as trajectory:
        trajectory.write(atoms)
    read = Trajectory(tmp_path / "water.traj")[0]
    assert read.calc.name == "hipnn-ts"
    np.testing.assert_array_equal(read.get_forces(), forces)


def _evaluate(model, atoms):
    atoms.calc = HIPNNTSCalculator(model)
    atoms.get_potential_energy()


def test_unknown_element(random_model):
    with pytest.raises(InputError, match=r"^atom 2: expected one of .* H O of .*, found C$"):
        _evaluate(random_model(), Atoms("OHCH", positions=np.eye(4, 3)))


def test_coordinate_that_is_not_a_number(random_model):
    atoms = molecule("H2O")
    atoms.positions[1, 2] = np.nan
    with pytest.raises(InputError, match=r"^atom 1: expected finite coordinates"):
        _evaluate(random_model(), atoms)


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        (None, "expected three independent cell vectors in a periodic frame"),
        ([8.0, 8.0, np.nan], "expected a finite cell"),
        ([0.01, 0.01, 0.01], "expected a cell that is not far narrower than the cutoff"),
    ],
)
def test_cell_that_cannot_be_used(random_model, cell, found):
    atoms = molecule("H2O", cell=cell, pbc=True)
    with pytest.raises(InputError, match=f"^{found}"):
        _evaluate(random_model(), atoms)


def test_planar_molecule_that_blew_up(random_model):
    """A huge planar molecule once ended the process by SIGFPE: across its plane were no bins."""
    atoms = molecule("H2O")
    atoms.positions[:, 1:] *= 1e5
    _evaluate(random_model(), atoms)
    assert (atoms.get_forces() == 0).all()


def test_no_atoms(random_model):
    with pytest.raises(InputError, match="expected at least one atom"):
        _evaluate(random_model(), Atoms())


def test_two_atoms_in_one_place(random_model):
    with pytest.raises(InputError, match=r"^atoms 1 and 2: expected distinct positions"):
        _evaluate(random_model(), Atoms("OHH", positions=[[0, 0, 0], [1, 0, 0], [1, 0, 0]]))


def test_missing_file_and_device(random_model, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        HIPNNTSCalculator(tmp_path / "nothing.pt")
    with pytest.raises(InputError, match="device 'gpu'"):
        HIPNNTSCalculator(random_model(), device="gpu")
