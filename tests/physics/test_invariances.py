"""Physical invariances that any potential must obey, in double precision, as in engines."""

import os

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.stress import voigt_6_to_full_3x3_stress
from comparing import largest
from scipy.spatial.transform import Rotation

from hipnn_ts.ase import HIPNNTSCalculator

POTENTIALS = {
    "l_max 0": {"l_max": 0},
    "l_max 1": {"l_max": 1},
    "l_max 2": {"l_max": 2},
    "l_max 3": {"l_max": 3},
    "polynomials": {"invariants": "polynomials", "normalisation": "group", "l_max": 3},
    "squares": {"invariants": "polynomials", "n_max": 2, "normalisation": "none"},
    "portable polynomials": {"invariants": "polynomials", "l_max": 3, "portable": True},
    "three blocks": {"n_features": (6, 10, 4), "n_middle_features": (8, 6, 6)},
    "no residuals": {"residual": False},
    "portable": {"portable": True},
}


@pytest.fixture(scope="module", params=[*POTENTIALS, "trained"])
def calculator(request, random_model):
    """Calculators with random weights in several architectures, and of a trained potential.

    The latter is a float64 file for H and O, which HIPNN_TS_TRAINED_MODEL names, or ANI-1x's.
    """
    if request.param != "trained":
        return HIPNNTSCalculator(random_model(**POTENTIALS[request.param]))
    path = os.environ.get("HIPNN_TS_TRAINED_MODEL") or request.getfixturevalue("published_model")
    return HIPNNTSCalculator(path)


@pytest.fixture
def liquid(water, calculator):
    atoms = water(2)
    atoms.set_cell([[6.2, 0, 0], [-0.8, 5.9, 0.4], [0.3, 0.6, 6.5]], scale_atoms=True)
    atoms.calc = calculator
    return atoms


@pytest.fixture
def cluster(water, calculator):
    atoms = water(2)
    atoms.pbc = False
    atoms.calc = calculator
    return atoms


def _close(found, wanted, tolerance=1e-10):
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance)


def test_translation(liquid):
    energy, forces, stress = _results(liquid)
    liquid.positions += [13.7, -4.1, 2.9]
    moved = _results(liquid)
    assert moved[0] == pytest.approx(energy, rel=1e-13)
    _close(moved[1], forces, 1e-9)
    _close(moved[2], stress, 1e-10)


def test_wrapping_into_the_cell(liquid):
    energy, forces, stress = _results(liquid)
    liquid.positions[3] += liquid.cell[0] - 2 * liquid.cell[2]
    liquid.positions[8] -= liquid.cell[1]
    moved = _results(liquid)
    assert moved[0] == pytest.approx(energy, rel=1e-13)
    _close(moved[1], forces, 1e-9)
    _close(moved[2], stress, 1e-10)


@pytest.mark.parametrize("proper", [True, False], ids=["rotation", "reflection"])
def test_rotation_and_reflection(liquid, proper):
    energy, forces, stress = _results(liquid)
    matrix = Rotation.random(random_state=4).as_matrix() * (1.0 if proper else -1.0)
    if not proper:
        # A half turn makes a mirror of the inversion.
        matrix = matrix @ np.diag([1.0, -1.0, -1.0])
    assert np.linalg.det(matrix) == pytest.approx(1.0 if proper else -1.0)
    turned = liquid.copy()
    turned.calc = liquid.calc
    turned.set_cell(liquid.cell.array @ matrix.T)
    turned.positions = liquid.positions @ matrix.T
    found = _results(turned)
    assert found[0] == pytest.approx(energy, rel=1e-13)
    _close(found[1], forces @ matrix.T, 1e-9)
    _close(found[2], matrix @ stress @ matrix.T, 1e-10)


def test_permutation(liquid):
    energies, forces = liquid.get_potential_energies(), liquid.get_forces()
    order = np.random.default_rng(2).permutation(len(liquid))
    permuted = liquid[order]
    permuted.calc = liquid.calc
    np.testing.assert_allclose(permuted.get_potential_energies(), energies[order], rtol=1e-13)
    _close(permuted.get_forces(), forces[order], 1e-9)


def test_no_net_force_and_no_net_torque(liquid, cluster):
    _close(liquid.get_forces().sum(axis=0), 0.0)
    forces = cluster.get_forces()
    _close(forces.sum(axis=0), 0.0)
    _close(np.cross(cluster.positions, forces).sum(axis=0), 0.0, 1e-9)


def test_energy_is_extensive(liquid):
    energy, forces, stress = _results(liquid)
    double = liquid * (2, 1, 1)
    double.calc = liquid.calc
    found = _results(double)
    assert found[0] == pytest.approx(2 * energy, rel=1e-13)
    _close(found[1], np.vstack([forces, forces]), 1e-9)
    _close(found[2], stress, 1e-10)


def test_far_molecules_do_not_see_each_other(calculator):
    one = molecule("H2O")
    two = one + one
    two.positions[3:] += [0.0, 0.0, 50.0]
    one.calc = two.calc = calculator
    assert two.get_potential_energy() == pytest.approx(2 * one.get_potential_energy(), rel=1e-14)
    _close(two.get_forces(), np.vstack([one.get_forces()] * 2))


def test_energy_and_forces_vanish_smoothly_at_the_cutoff(calculator):
    """With the cos² envelope, energies go as (R - r)² near the cutoff R, and forces as R - r."""
    cutoff = calculator.metadata.network.cutoff
    apart = _dimer(calculator, cutoff + 1e-9)
    assert apart[1] == 0.0
    assert _dimer(calculator, cutoff + 1.0)[0] == apart[0]
    energies, forces = zip(
        *(_dimer(calculator, cutoff - gap) for gap in (1e-2, 1e-3, 1e-4)), strict=True
    )
    interactions = np.array(energies) - apart[0]
    assert abs(interactions[1]) > 1e-10  # there is an interaction to switch off
    assert interactions[0] / interactions[1] == pytest.approx(100, rel=0.15)
    assert forces[0] / forces[1] == pytest.approx(10, rel=0.15)
    assert forces[1] / forces[2] == pytest.approx(10, rel=0.02)


def test_liquid_stays_continuous_when_a_pair_crosses_the_cutoff(cluster):
    """Energy and forces are continuous where the distance of a pair crosses the cutoff."""
    cutoff = cluster.calc.metadata.network.cutoff
    offsets = cluster.positions - cluster.positions[0]
    distances = np.linalg.norm(offsets, axis=1)
    atom = int(np.abs(distances - cutoff).argmin())
    direction = offsets[atom] / distances[atom]
    energies, forces = [], []
    for gap in (-2e-6, -1e-6, 1e-6, 2e-6):
        cluster.positions[atom] = cluster.positions[0] + (cutoff + gap) * direction
        energies.append(cluster.get_potential_energy())
        forces.append(cluster.get_forces())
    # A jump would be larger than the change over an equal step on one side.
    slope = abs(forces[0][atom] @ direction)
    assert abs(energies[2] - energies[1]) < 2e-6 * (slope + 0.01) + 1e-10
    inside = np.abs(forces[1] - forces[0]).max()
    assert np.abs(forces[2] - forces[1]).max() < 10 * inside + 1e-6


def test_forces_are_the_gradient_of_the_energy(liquid):
    """Forces equal numerical derivatives along random directions of all coordinates."""
    forces = liquid.get_forces()
    reference, positions = liquid.get_potential_energies(), liquid.positions.copy()
    random = np.random.default_rng(5)
    for _ in range(4):
        direction = random.normal(size=positions.shape)
        direction /= np.linalg.norm(direction)

        def energy(step, direction=direction):
            liquid.positions = positions + step * direction
            return (liquid.get_potential_energies() - reference).sum()

        slope = _derivative(energy)
        assert -slope == pytest.approx(np.sum(forces * direction), abs=1e-7 * _scale(forces))


def test_stress_is_the_gradient_with_respect_to_strain(liquid):
    stress = voigt_6_to_full_3x3_stress(liquid.get_stress())
    volume = liquid.get_volume()
    cell, positions = liquid.cell.array.copy(), liquid.positions.copy()
    reference = liquid.get_potential_energies()
    for row, column in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)):
        pattern = np.zeros((3, 3))
        pattern[row, column] = pattern[column, row] = 1.0

        def energy(strain, pattern=pattern):
            deformation = np.eye(3) + strain * pattern
            liquid.set_cell(cell @ deformation)
            liquid.positions = positions @ deformation
            return (liquid.get_potential_energies() - reference).sum()

        slope = _derivative(energy, 1e-5) / volume
        assert slope == pytest.approx(np.sum(stress * pattern), abs=1e-7 * _scale(stress))


def _results(atoms):
    return (
        atoms.get_potential_energy(),
        atoms.get_forces(),
        voigt_6_to_full_3x3_stress(atoms.get_stress()),
    )


def _scale(values):
    return largest(1.0, np.abs(values).max())


def _derivative(function, step=1e-4):
    """Return the derivative at 0 by a central difference of fourth order.

    The step is small because the energy's second derivative jumps where a pair crosses the cutoff.
    """
    near, far = (function(k * step) - function(-k * step) for k in (1, 2))
    return (8 * near - far) / (12 * step)


def _dimer(calculator, distance):
    """Return the energy, and the force along the axis, of O and H at a distance."""
    atoms = Atoms("OH", positions=[[0, 0, 0], [0, 0, distance]], calculator=calculator)
    return atoms.get_potential_energy(), atoms.get_forces()[1, 2]
