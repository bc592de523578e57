"""Committees in ASE: the mean of the members and their deviations."""

import pickle

import numpy as np
import pytest
import torch
from ase import Atoms
from committees import combined
from lammps_run import reference

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.errors import InputError

VOIGT = [0, 1, 2, 5, 4, 3]  # indices into xx yy zz xy xz yz


def results(path, atoms, **options):
    atoms = atoms.copy()
    atoms.calc = HIPNNTSCalculator(path, **options)
    atoms.get_potential_energy()
    return atoms.calc.results


@pytest.mark.parametrize(
    "architecture",
    [{}, {"l_max": 1, "n_features": (6,)}, {"invariants": "polynomials"}, {"zbl": (0.4, 1.2)}],
)
def test_mean_and_deviations_of_members(architecture, random_members, random_committee, water):
    atoms = water(2)
    expected = combined(random_members(**architecture), atoms)
    found = results(random_committee(**architecture), atoms)
    assert expected.forces_std.min() > 1e-4
    np.testing.assert_allclose(found["energy"], expected.energy, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found["forces"], expected.forces, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found["energy_std"], expected.energy_std, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found["forces_std"], expected.forces_std, rtol=0, atol=1e-10)
    volume = atoms.get_volume()
    np.testing.assert_allclose(
        found["stress"], -expected.virial[VOIGT] / volume, rtol=0, atol=1e-10
    )
    np.testing.assert_allclose(
        found["stress_std"], expected.virial_std[VOIGT] / volume, rtol=0, atol=1e-10
    )


@pytest.mark.parametrize("member", range(4))
def test_one_member(member, random_members, random_committee, water):
    expected = reference(random_members()[member], water(2))
    found = results(random_committee(), water(2), member=member)
    assert "forces_std" not in found
    np.testing.assert_allclose(found["energy"], expected.energy, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found["forces"], expected.forces, rtol=0, atol=1e-10)


@pytest.mark.parametrize("member", [-1, 4])
def test_no_such_member(member, random_committee):
    sentence = rf"^member: expected one of the 4 of .*, counted from 0, found {member}$"
    with pytest.raises(InputError, match=sentence):
        HIPNNTSCalculator(random_committee(), member=member)


@pytest.mark.parametrize("kind", ["committee", "uncertainty"])
def test_many_structures(kind, random_committee, uncertain_model, water):
    """A batch of different structures gives the same bits as single evaluations."""
    path = {"committee": random_committee, "uncertainty": uncertain_model}[kind](torch.float32)
    structures = [water(1), water(2), Atoms("OH2", positions=water(1).positions), water(3)]
    together = HIPNNTSCalculator(path).evaluate_batch(structures)
    for atoms, found in zip(structures, together, strict=True):
        alone = results(path, atoms)
        assert ("forces_uncertainty" if kind == "uncertainty" else "forces_std") in found
        assert found.keys() == alone.keys()
        for name, value in alone.items():
            np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_pickles_keep_the_member(random_committee, water):
    calculator = HIPNNTSCalculator(random_committee(), member=2)
    again = pickle.loads(pickle.dumps(calculator))
    for each in (calculator, again):
        atoms = water(1)
        atoms.calc = each
        atoms.get_potential_energy()
    assert again.results["energy"] == calculator.results["energy"]


def test_one_network_has_no_deviations(random_model, water):
    assert "forces_std" not in results(random_model(), water(1))


def test_float32_is_near(random_members, random_committee, water):
    found = results(random_committee(torch.float32), water(2))
    expected = combined(random_members(), water(2))
    np.testing.assert_allclose(found["forces_std"], expected.forces_std, rtol=0, atol=2e-5)


def test_only_on_the_processor(random_committee):
    sentence = r"^device 'cuda': expected a single network, found the committee of 4 in "
    with pytest.raises(InputError, match=sentence):
        HIPNNTSCalculator(random_committee(), device="cuda")
