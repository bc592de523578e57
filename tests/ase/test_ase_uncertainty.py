"""Force uncertainty in ASE equals plain NumPy's, and no other result changes."""

import pickle

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from uncertainties import expected

from hipnn_ts import _core
from hipnn_ts.ase import HIPNNTSCalculator

ARCHITECTURES = [
    {},
    {"l_max": 1, "n_features": (6,)},
    {"n_features": (7, 5, 33)},
    {"n_features": (40, 40)},
    {"invariants": "polynomials"},
    {"zbl": (0.4, 1.2)},
]


def results(path, atoms, **options):
    atoms = atoms.copy()
    atoms.calc = HIPNNTSCalculator(path, **options)
    atoms.get_potential_energy()
    return atoms.calc.results


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_as_by_hand(architecture, random_potential, random_uncertainty, uncertain_model, water):
    potential, own = random_potential(**architecture), random_uncertainty(**architecture)
    lone = Atoms("OH", positions=[[0, 0, 0], [0, 0, 9]])  # no pairs
    only_hydrogen = Atoms("H3", positions=[[0, 0, 0], [0, 0, 1.1], [0, 1.3, 0]])
    for atoms in (water(3), molecule("H2O"), lone, only_hydrogen):
        found = results(uncertain_model(**architecture), atoms)["forces_uncertainty"]
        by_hand = expected(potential, own, atoms)
        assert by_hand.min() > 1e-3
        np.testing.assert_allclose(found, by_hand, rtol=1e-11, atol=1e-10)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_nothing_else_changes(architecture, dtype, random_model, uncertain_model, water):
    atoms = water(2)
    plain = results(random_model(dtype, **architecture), atoms)
    found = results(uncertain_model(dtype, **architecture), atoms)
    assert found.keys() - plain.keys() == {"forces_uncertainty"}
    for name, value in plain.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_not_asked_for(uncertain_model, water):
    calculator = HIPNNTSCalculator(uncertain_model(), uncertainty=False)
    for each in (calculator, pickle.loads(pickle.dumps(calculator))):
        atoms = water(1)
        atoms.calc = each
        atoms.get_potential_energy()
        assert "forces_uncertainty" not in each.results
        assert "forces_uncertainty" not in each.evaluate_batch([atoms])[0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_threads_make_no_difference(dtype, uncertain_model, water):
    model = _core.Model(uncertain_model(dtype).read_bytes(), "model")
    atoms = water(4)
    species = (atoms.numbers == 8).astype(np.int64)
    structure = atoms.positions, species, atoms.cell.array, atoms.pbc, np.zeros((0, 0))
    one, two = (
        _core.Evaluation(model).compute(*structure, n_threads=n, uncertainty=True) for n in (1, 2)
    )
    without = _core.Evaluation(model).compute(*structure, n_threads=2)
    assert len(without) == 5
    assert one[5] is None
    for k in (0, 1, 6):
        np.testing.assert_array_equal(one[k], two[k])
    for k in (0, 1, 2):
        np.testing.assert_array_equal(two[k], without[k])


def test_float32_is_near(random_potential, random_uncertainty, uncertain_model, water):
    found = results(uncertain_model(torch.float32), water(2))["forces_uncertainty"]
    by_hand = expected(random_potential(), random_uncertainty(), water(2))
    np.testing.assert_allclose(found, by_hand, rtol=1e-3)


def test_copies_have_it_and_others_do_not(uncertain_model, random_model, random_committee, water):
    again = pickle.loads(pickle.dumps(HIPNNTSCalculator(uncertain_model())))
    atoms = water(1)
    atoms.calc = again
    atoms.get_potential_energy()
    np.testing.assert_array_equal(
        again.results["forces_uncertainty"],
        results(uncertain_model(), water(1))["forces_uncertainty"],
    )
    for path in (random_model(), random_committee()):
        assert "forces_uncertainty" not in results(path, water(1))


def test_asked_of_a_file_without(random_model, water):
    atoms = water(1)
    model = _core.Model(random_model().read_bytes(), "model")
    species = (atoms.numbers == 8).astype(np.int64)
    with pytest.raises(ValueError, match=r"^expected a model with force uncertainty, found none"):
        _core.Evaluation(model).compute(
            atoms.positions,
            species,
            atoms.cell.array,
            atoms.pbc,
            np.zeros((0, 0)),
            uncertainty=True,
        )
