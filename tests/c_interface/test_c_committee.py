"""Committees through the C interface."""

import numpy as np
import pytest
from c_library import INVALID_ARGUMENT, CError, Library
from committees import combined
from lammps_run import VOIGT, reference


@pytest.fixture(scope="module")
def library():
    return Library()


def test_members_of_a_file(library, random_committee, random_members, random_model):
    model = library.load(random_committee())
    assert model.n_members() == 4
    assert library.load(random_model()).n_members() == 1
    energies = [member.self_energies.tolist() for member in random_members()]
    for k, own in enumerate(energies):
        assert [model.member_self_energy(k, s) for s in (0, 1, 2)] == [*own, 0]
    assert [model.member_self_energy(k, 0) for k in (-1, 4)] == [0, 0]
    mean = np.mean(energies, axis=0)
    np.testing.assert_allclose([model.self_energy(s) for s in (0, 1)], mean, rtol=1e-14)


def test_mean_and_deviations(library, random_committee, random_members, water):
    atoms = water(2)
    structure = atoms.numbers, atoms.positions, atoms.cell.array
    expected = combined(random_members(), atoms)
    evaluation = library.load(random_committee()).evaluation()
    evaluation.members(-1)
    for n_threads in (1, 3):
        energy, _, forces, virial = evaluation.compute(*structure, n_threads=n_threads)
        np.testing.assert_allclose(energy, expected.energy, rtol=0, atol=1e-10)
        np.testing.assert_allclose(forces, expected.forces, rtol=0, atol=1e-10)
        tensor = [-virial[a, b] for a, b in VOIGT]
        np.testing.assert_allclose(tensor, expected.virial, rtol=0, atol=1e-10)
        of_energy, of_forces, of_virial = evaluation.deviations(len(atoms))
        np.testing.assert_allclose(of_energy[0], expected.energy_std, rtol=0, atol=1e-10)
        np.testing.assert_allclose(of_forces, expected.forces_std, rtol=0, atol=1e-10)
        tensor = [of_virial[0, a, b] for a, b in VOIGT]
        np.testing.assert_allclose(tensor, expected.virial_std, rtol=0, atol=1e-10)


def test_a_member_with_and_without_the_others(library, random_committee, random_members, water):
    atoms = water(2)
    structure = atoms.numbers, atoms.positions, atoms.cell.array
    evaluation = library.load(random_committee()).evaluation()
    spread = combined(random_members(), atoms).forces_std
    for member in range(4):
        expected = reference(random_members()[member], atoms)
        for deviations in (False, True):
            evaluation.members(member, deviations)
            energy, _, forces, virial = evaluation.compute(*structure)
            np.testing.assert_allclose(energy, expected.energy, rtol=0, atol=1e-10)
            np.testing.assert_allclose(forces, expected.forces, rtol=0, atol=1e-10)
            tensor = [-virial[a, b] for a, b in VOIGT]
            np.testing.assert_allclose(tensor, expected.virial, rtol=0, atol=1e-10)
        found = evaluation.deviations(len(atoms))[1]
        np.testing.assert_allclose(found, spread, rtol=0, atol=1e-10)


def test_batches(library, random_committee, water):
    """A batch gives the same bits as single calls."""
    structures = [
        (atoms.numbers, atoms.positions, atoms.cell.array, (1, 1, 1))
        for atoms in (water(1), water(2), water(1))
    ]
    counts = [len(each[0]) for each in structures]
    evaluation = library.load(random_committee()).evaluation()
    evaluation.members(-1)
    found = evaluation.compute_batch(structures, n_threads=2)
    apart = evaluation.deviations(sum(counts), len(structures))
    for k, structure in enumerate(structures):
        own = slice(sum(counts[:k]), sum(counts[: k + 1]))
        alone = evaluation.compute(*structure)
        for a, b in zip(
            alone, (found[0][k], found[1][own], found[2][own], found[3][k]), strict=False
        ):
            np.testing.assert_array_equal(a, b)
        single = evaluation.deviations(counts[k])
        for a, b in zip(
            single, (apart[0][k : k + 1], apart[1][own], apart[2][k : k + 1]), strict=False
        ):
            np.testing.assert_array_equal(a, b)


def test_mistakes(library, random_committee, random_model, water):
    atoms = water(1)
    evaluation = library.load(random_committee()).evaluation()

    def refused(sentence, function, *arguments):
        with pytest.raises(CError, match=sentence) as error:
            function(*arguments)
        assert error.value.status == INVALID_ARGUMENT

    none = "^expected a computation with deviations before, found none"
    refused(none, evaluation.deviations, 3)
    evaluation.compute(atoms.numbers, atoms.positions)
    refused(none, evaluation.deviations, 3)
    for member in (-2, 4):
        refused(f"^member: expected -1 to 3, found {member}$", evaluation.members, member)
    evaluation.members(-1)
    refused(none, evaluation.deviations, 3)
    evaluation.compute(atoms.numbers, atoms.positions)
    assert np.isfinite(evaluation.deviations(3)[1]).all()
    refused("expected one of the elements", evaluation.compute, [6], [[0.0, 0, 0]])
    refused(none, evaluation.deviations, 3)
    alone = library.load(random_model()).evaluation()
    alone.members(-1)
    alone.compute(atoms.numbers, atoms.positions, atoms.cell.array)
    assert all((each == 0).all() for each in alone.deviations(3))
