"""The runtime's results equal those of Python's neighbour pairs with the torch operator."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
import torch
from ase import Atoms
from comparing import largest
from documents import FORMATS

from hipnn_ts import _core
from hipnn_ts.export import load_exported
from hipnn_ts.model import derivatives
from hipnn_ts.neighbours import neighbour_pairs

NO_LIMITS = np.zeros((0, 0))
DTYPES = [torch.float64, torch.float32]
TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-5}
CELLS = {
    "wide": np.diag([11.0, 12.0, 13.0]),
    "triclinic": np.array([[9.0, 0.5, 0.0], [-3.5, 8.5, 0.3], [2.0, -3.0, 9.5]]),
    "left-handed": np.array([[0.0, 9.0, 0.0], [8.0, 0.0, 1.0], [0.0, 2.0, 10.0]]),
    "narrow": np.array([[3.2, 0.0, 0.0], [-0.6, 3.0, 0.0], [0.3, 0.4, 3.4]]),
    "flat": np.diag([3.1, 14.0, 3.3]),
}
PBC = [np.array(each) for each in product((False, True), repeat=3)]


def model_of(path):
    return _core.Model(path.read_bytes(), str(path))


def structure(cell, n=18, seed=0):
    """Return atoms inside and outside the cell, not too close to each other or to images."""
    random = np.random.default_rng(seed)
    chosen = []
    for fraction in random.uniform(-1.5, 1.5, (3000, 3)):
        new = fraction % 1.0 @ cell
        images = np.array(list(product((-1, 0, 1), repeat=3))) @ cell
        others = [*chosen, (fraction, new)]
        apart = [np.linalg.norm(new - old + images, axis=1) for _, old in others]
        apart[-1][len(images) // 2] = np.inf  # the atom itself
        if np.min(apart) > 0.8:
            chosen.append((fraction, new))
        if len(chosen) == n:
            break
    numbers = np.where(np.arange(len(chosen)) % 3 == 0, 8, 1)
    return Atoms(numbers, [fraction @ cell for fraction, _ in chosen], cell=cell)


def species_of(atoms):
    return (atoms.numbers == 8).astype(np.int64)


def by_torch(path, atoms):
    """Return energies, forces and virial from Python's neighbour search and the torch operator."""
    module, metadata = load_exported(path)
    i, j, shifts = neighbour_pairs(
        atoms.positions, atoms.cell.array, atoms.pbc, metadata.network.cutoff
    )
    vectors = torch.from_numpy(atoms.positions[j] + shifts - atoms.positions[i])
    ends = torch.from_numpy(i), torch.from_numpy(j)
    species = torch.from_numpy(species_of(atoms))
    energies, gradients = module.energies_and_pair_gradients(species, *ends, vectors)
    gradients = gradients.double()
    forces = derivatives.forces(gradients, *ends, len(atoms))
    return [each.numpy() for each in (energies, forces, derivatives.virial(gradients, vectors))]


def compute(evaluation, atoms, limits=NO_LIMITS, n_threads=1):
    return evaluation.compute(
        atoms.positions, species_of(atoms), atoms.cell.array, atoms.pbc, limits, n_threads
    )


def agree(found, expected, tolerance):
    for a, b in zip(found[:3], expected, strict=True):
        assert a.dtype == np.float64
        # Self-energies are a thousand times larger than the network's energies.
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=tolerance * largest(1.0, np.abs(b).max()))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_every_periodicity(random_model, cell, dtype):
    path = random_model(dtype)
    evaluation = _core.Evaluation(model_of(path))
    atoms = structure(CELLS[cell])
    assert len(atoms) >= 3
    energies = set()
    for pbc in PBC:
        atoms.pbc = pbc
        found = compute(evaluation, atoms)
        expected = by_torch(path, atoms)
        tolerance = TOLERANCE[dtype]
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12, atol=tolerance)
        for a, b in zip(found[1:3], expected[1:], strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * largest(1.0, np.abs(b).max()))
        assert found[3:] == (None, -1)
        energies.add(round(found[0].sum(), 6))
    assert len(energies) > 2  # periodicity makes a difference


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_vector_that_is_not_periodic_is_not_read(random_model, dtype):
    path = random_model(dtype)
    atoms = structure(CELLS["triclinic"])
    atoms.pbc = (True, False, True)
    expected = compute(_core.Evaluation(model_of(path)), atoms)
    for row in ([0, 0, 0], [np.nan] * 3, [9.0, 0.5, 0.0]):
        other = atoms.copy()
        other.cell.array[1] = row
        found = compute(_core.Evaluation(model_of(path)), other)
        for a, b in zip(found[:3], expected[:3], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_operators_bits(random_model, water, dtype):
    """For the same pairs and one thread, runtime and operator give the same bits."""
    path = random_model(dtype)
    atoms = water(3)
    model = model_of(path)
    found = compute(_core.Evaluation(model), atoms)
    i, j, vectors = _core.neighbour_pairs(atoms.positions, atoms.cell.array, atoms.pbc, 4.0)
    module, _ = load_exported(path)
    arguments = species_of(atoms), i, j, vectors
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        energies, gradients = module.energies_and_pair_gradients(*map(torch.tensor, arguments))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(found[0], energies.numpy())
    double = gradients.double().numpy()
    forces = np.zeros((len(atoms), 3))
    np.add.at(forces, i, double)
    np.add.at(forces, j, -double)
    np.testing.assert_allclose(found[1], forces, rtol=0, atol=1e-14)  # summed in another order
    again = _core.evaluate_pairs(model, *arguments)
    np.testing.assert_array_equal(again[0], energies.numpy())
    np.testing.assert_array_equal(again[1], gradients.numpy())
    assert again[1].dtype == gradients.numpy().dtype


@pytest.mark.parametrize("pbc", [(True,) * 3, (False,) * 3, (True, True, False)])
def test_the_list_is_right_along_a_walk(random_model, pbc):
    """The kept neighbour list is right for small and large steps, fewer atoms and another cell."""
    path = random_model(torch.float64)
    model = model_of(path)
    kept = _core.Evaluation(model)
    random = np.random.default_rng(1)
    atoms = structure(CELLS["triclinic"], n=30)
    atoms.pbc = pbc
    for step in range(60):
        if step % 20 == 10:
            atoms.positions = random.permutation(atoms.positions) + 5.0
        if step == 33:
            atoms.set_cell(atoms.cell.array * 1.02, scale_atoms=True)
        if step == 41:
            del atoms[4]
        found = compute(kept, atoms)
        fresh = compute(_core.Evaluation(model), atoms)
        for a, b in zip(found[:3], fresh[:3], strict=True):
            np.testing.assert_array_equal(a, b)  # however old the list is
        if step % 5 == 0:
            agree(found, by_torch(path, atoms), TOLERANCE[torch.float32])
        atoms.positions += random.normal(0, 0.06, (len(atoms), 3))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_same_bits_for_any_number_of_threads(random_model, water, dtype):
    evaluation = _core.Evaluation(model_of(random_model(dtype)))
    atoms = water(4)
    found = [compute(evaluation, atoms, n_threads=n) for n in (1, 2, 3, 0)]
    for each in found[1:]:
        for a, b in zip(each[:3], found[0][:3], strict=True):
            np.testing.assert_array_equal(a, b)
    assert np.abs(found[0][1]).max() > 0.1


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_many_evaluations_of_one_model_at_once(random_model, water, dtype):
    model = model_of(random_model(dtype))
    frames = []
    for seed in range(4):
        frame = water(2 + seed % 2)
        frame.rattle(0.1, seed=seed)
        frames.append(frame)
    expected = [compute(_core.Evaluation(model), frame) for frame in frames]

    def run(frame):
        evaluation = _core.Evaluation(model)
        return [compute(evaluation, frame) for _ in range(30)]

    shared = _core.Evaluation(model)  # callers take turns with it
    with ThreadPoolExecutor(len(frames)) as pool:
        own = list(pool.map(run, frames))
        in_turns = list(pool.map(lambda frame: [compute(shared, frame)], frames * 5))
    for k, results in enumerate([*own, *in_turns]):
        for each in results:
            for a, b in zip(each[:3], expected[k % len(frames)][:3], strict=True):
                np.testing.assert_array_equal(a, b)


def test_facts(random_model):
    evaluation = _core.Evaluation(model_of(random_model()))
    limits = np.array([[0.5, 0.9], [0.9, 1.0]])  # H, O
    atoms = Atoms("OHHO", positions=[[0, 0, 0], [0, 0, 0.8], [0, 0, -0.85], [0, 0.93, 0]])
    closest = compute(evaluation, atoms, limits)[3]
    assert closest[:2] == (0, 1)
    assert closest[2] == pytest.approx(0.8, rel=1e-12)
    assert compute(evaluation, atoms, limits * 0.8)[3] is None
    assert compute(evaluation, atoms)[3] is None
    # 0.93 Å is farther below its limit of 1.0 Å, in relation, than 0.85 Å below 0.9 Å.
    atoms.positions[1, 2] = 0.9001
    assert compute(evaluation, atoms, limits)[3][:2] == (0, 3)


def test_results_that_are_not_finite(random_model):
    """Forces between atoms in almost the same place overflow in single precision."""
    evaluation = _core.Evaluation(model_of(random_model(torch.float32, zbl=(1.0, 2.5))))
    atoms = Atoms("OHOH", positions=[[0, 0, 0], [0, 0, 9.0], [0, 9.0, 0], [0, 9.0, 1e-25]])
    found = compute(evaluation, atoms)
    assert found[4] == 2
    assert np.isfinite(found[1][:2]).all()


def test_no_atoms(random_model):
    found = compute(_core.Evaluation(model_of(random_model())), Atoms(cell=np.eye(3), pbc=True))
    assert [each.shape for each in found[:3]] == [(0,), (0, 3), (3, 3)]
    assert (found[2] == 0).all()
    assert found[3:] == (None, -1)


SPACE = np.eye(3) * 8.0
MISTAKES = {
    r"atom 1: expected finite coordinates": {"positions": [[0, 0, 0], [0, np.nan, 0]]},
    r"atom 0: expected coordinates below 1e50 Å": {"positions": [[0, 0, -1e70], [0, 1, 0]]},
    r"atom 1: expected coordinates near the box": {"positions": [[0, 0, 0], [0, 1e12, 0]]},
    r"atoms 0 and 1: expected distinct positions": {"positions": [[0, 0, 1], [0, 0, 9]]},
    r"expected independent box vectors": {"cell": np.diag([8.0, 0.0, 8.0])},
    r"expected a periodic box that is not far narrower": {"cell": np.eye(3) * 0.01},
    r"atom 1: expected a species below 2, found 2": {"species": [0, 2]},
    r"atom 0: expected a species below 2, found -1": {"species": [-1, 0]},
    r"positions: expected shape \(n, 3\), found \(2, 2\)": {"positions": np.zeros((2, 2))},
    r"species: expected shape \(2\), found \(3\)": {"species": [0, 0, 0]},
    r"cell: expected shape \(3, 3\), found \(3\)": {"cell": np.ones(3)},
    r"limits: expected shape \(2, 2\), found \(2, 3\)": {"limits": np.ones((2, 3))},
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_named(random_model, message):
    evaluation = _core.Evaluation(model_of(random_model()))
    good = {
        "positions": np.array([[0.0, 0, 0], [0, 0, 1]]),
        "species": np.array([0, 1]),
        "cell": SPACE,
        "pbc": (True, True, True),
        "limits": NO_LIMITS,
    }
    before = evaluation.compute(**good)
    with pytest.raises(ValueError, match=f"^{message}"):
        evaluation.compute(**{**good, **MISTAKES[message]})
    # The evaluation still works after an error.
    for a, b in zip(before[:3], evaluation.compute(**good)[:3], strict=True):
        np.testing.assert_array_equal(a, b)


def test_models(random_model, random_potential):
    model = model_of(random_model(torch.float32))
    assert '"float32"' in model.description
    potential = random_potential()
    np.testing.assert_array_equal(model.self_energies, potential.self_energies.numpy())
    with pytest.raises(ValueError, match=r"^x\.pt: expected an exported hipnn-ts potential"):
        _core.Model(b"nothing of the kind", "x.pt")


def test_only_torch_runs_a_portable_file(random_model):
    with pytest.raises(ValueError, match="expected a fused potential, found a portable one"):
        model_of(random_model(portable=True))


def test_a_file_of_format_1_computes_what_torch_makes_of_it(water):
    path = FORMATS / "1" / "fused.pt"
    atoms = water(2)
    agree(
        compute(_core.Evaluation(model_of(path)), atoms),
        by_torch(path, atoms),
        TOLERANCE[torch.float32],
    )


def test_an_evaluation_keeps_its_model(random_model, water):
    evaluation = _core.Evaluation(model_of(random_model()))
    assert np.isfinite(compute(evaluation, water(2))[1]).all()


@pytest.mark.parametrize(
    ("index", "message"),
    [(2, "pair 1: expected an atom index below 2, found 2"), (1 << 32, "pair 1: expected an atom")],
)
def test_pairs_of_atoms_that_are_not_there(random_model, index, message):
    model = model_of(random_model())
    with pytest.raises(ValueError, match=message):
        _core.evaluate_pairs(model, [0, 1], [0, 1], [1, index], np.ones((2, 3)))
