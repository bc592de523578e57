"""The neighbour search equals a brute-force search, also with a Verlet list of moving atoms."""

import copy
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import numpy as np
import pytest
import torch
from ase.neighborlist import neighbor_list

from hipnn_ts.errors import InputError
from hipnn_ts.neighbours import neighbour_pairs

CUTOFF = 3.0
SKIN = 1.0


def neighbours():
    return torch.classes.hipnn_ts.Neighbours(CUTOFF)


def pairs(search, positions, cell=None):
    box = None if cell is None else torch.from_numpy(cell)
    return [each.numpy() for each in search.pairs(torch.from_numpy(positions), box)]


def in_python(positions, cell, periodic):
    """Return the pairs of ``neighbour_pairs``, with vectors."""
    i, j, shifts = neighbour_pairs(positions, np.asarray(cell, dtype=float), periodic, CUTOFF)
    assert (np.diff(i) >= 0).all()
    return i, j, positions[j] + shifts - positions[i]


def brute_force(positions, cell):
    """Return sorted rows (receiver, sender, vector) of all pairs within the cutoff."""
    images = np.zeros((1, 3))
    if cell is not None:
        # Atoms lie anywhere: wrap them, and take images around the wrapped ones.
        whole = np.floor(positions @ np.linalg.inv(cell))
        heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
        ranges = [range(-n, n + 1) for n in np.ceil(CUTOFF / heights).astype(int) + 1]
        images = np.array(list(product(*ranges)), dtype=float) @ cell
        positions = positions - whole @ cell
    vectors = positions[None, :, None] - positions[:, None, None] + images
    distances = np.linalg.norm(vectors, axis=-1)
    i, j, k = np.nonzero((distances < CUTOFF) & (distances > 1e-9))
    return canonical(i, j, vectors[i, j, k])


def canonical(i, j, vectors):
    rows = np.column_stack([i, j, vectors])
    return rows[np.lexsort(rows.round(6).T[::-1])]


def random_cell(random):
    """Return a triclinic cell of either handedness, a third of a cutoff to three cutoffs wide."""
    while True:
        lengths = CUTOFF * 3.0 ** random.uniform(-1, 1, 3)
        cell = np.diag(lengths) + random.uniform(-0.45, 0.45, (3, 3)) * lengths
        heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
        if heights.min() > CUTOFF / 3.5:
            return cell[random.permutation(3)]


@pytest.mark.parametrize("seed", range(4))
def test_every_image_of_every_pair_in_random_cells(seed):
    random = np.random.default_rng(seed)
    found_pairs = own_images = 0
    for _ in range(40):
        cell = random_cell(random)
        n = int(random.integers(1, 60))
        spread = random.choice([1.0, 5.0])
        positions = random.uniform(-spread, spread, (n, 3)) @ cell
        i, j, vectors = pairs(neighbours(), positions, cell)
        wanted = brute_force(positions, cell)
        np.testing.assert_allclose(canonical(i, j, vectors), wanted, rtol=0, atol=1e-9)
        assert (np.diff(i * n + j) >= 0).all()
        found_pairs += len(i)
        own_images += int((i == j).sum())
    assert found_pairs > 20_000
    assert own_images > 500


@pytest.mark.parametrize("n", [1, 2, 22, 64, 65, 700])
@pytest.mark.parametrize("shape", ["blob", "line", "plane", "two far apart"])
def test_every_pair_of_a_molecule(n, shape):
    random = np.random.default_rng(n)
    positions = random.uniform(-1, 1, (n, 3)) * 0.8 * n ** (1 / 3) + 1000.0
    if shape == "line":
        positions[:, 1:] = 3.0
        positions[:, 0] *= 3.0
    elif shape == "plane":
        positions[:, 2] = -7.0
    elif shape == "two far apart":
        positions[n // 2 :] += 1e5
    i, j, vectors = pairs(neighbours(), positions)
    np.testing.assert_allclose(
        canonical(i, j, vectors), brute_force(positions, None), rtol=0, atol=1e-9
    )
    assert (np.diff(i * n + j) > 0).all()


def test_agrees_with_ase_in_a_large_box(water):
    atoms = water(7)
    atoms.set_cell([[21.7, 0, 0], [-5.2, 20.3, 0], [7.7, 3.1, 22.9]], scale_atoms=True)
    i, j, vectors = pairs(neighbours(), atoms.positions, atoms.cell.array)
    ours = canonical(i, j, vectors)
    theirs = canonical(*neighbor_list("ijD", atoms, CUTOFF))
    assert len(ours) > 5 * len(atoms)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9)


def test_same_bits_for_any_number_of_threads(water):
    atoms = water(5)
    results = []
    before = torch.get_num_threads()
    try:
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            results.append(pairs(neighbours(), atoms.positions, atoms.cell.array))
    finally:
        torch.set_num_threads(before)
    for each in results[1:]:
        for a, b in zip(results[0], each, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("periodic", [True, False])
def test_no_pair_is_missed_while_atoms_walk(periodic):
    random = np.random.default_rng(1)
    base = np.array([[7.0, 0, 0], [2.0, 6.5, 0], [-1.0, 1.5, 7.5]])
    positions = random.uniform(0, 7, (40, 3))
    walked = neighbours()
    for step in range(300):
        cell = base * (1.01 if 100 <= step < 103 else 1.0) if periodic else None
        found = pairs(walked, positions, cell)
        # The result does not depend on when the list was made, to the last bit.
        for a, b in zip(found, pairs(neighbours(), positions, cell), strict=True):
            np.testing.assert_array_equal(a, b)
        if step % 5 == 0:
            wanted = brute_force(positions, cell)
            np.testing.assert_allclose(canonical(*found), wanted, rtol=0, atol=1e-9)
        positions = positions + random.normal(0, 0.04, positions.shape)
    # The list must be kept for some steps and renewed for others.
    assert 5 < walked.searches() < 100


def test_searches_only_where_no_list_fits():
    random = np.random.default_rng(2)
    cell = np.eye(3) * 8.0
    start = random.uniform(0, 8, (50, 3))
    search = neighbours()

    def searches_for(positions, box):
        before = search.searches()
        pairs(search, positions, box)
        return search.searches() - before

    assert searches_for(start, cell) == 1
    moved = start.copy()
    moved[3, 1] += 0.499 * SKIN
    assert searches_for(moved, cell) == 0
    moved[3, 1] += 0.002 * SKIN
    assert searches_for(moved, cell) == 1
    assert searches_for(start, cell * 1.0001) == 1
    assert searches_for(start, None) == 1
    # All four lists are kept, for rejected moves of a barostat or replicas in turn.
    for positions, box in ((start, cell), (moved, cell), (start, cell * 1.0001), (start, None)):
        assert searches_for(positions, box) == 0
    assert searches_for(start[:-1], cell) == 1


def test_threads_share_one_search():
    random = np.random.default_rng(3)
    cell = np.eye(3) * 8.0
    frames = [random.uniform(0, 8, (50, 3)) for _ in range(4)]
    shared = neighbours()

    def run(frame):
        return [pairs(shared, frame, cell) for _ in range(50)]

    with ThreadPoolExecutor(len(frames)) as pool:
        results = list(pool.map(run, frames))
    for frame, found in zip(frames, results, strict=True):
        wanted = pairs(neighbours(), frame, cell)
        for each in found:
            for a, b in zip(each, wanted, strict=True):
                np.testing.assert_array_equal(a, b)


def test_a_copy_makes_its_own_lists():
    positions = np.random.default_rng(4).uniform(0, 8, (20, 3))
    first = neighbours()
    found = pairs(first, positions)
    second = copy.deepcopy(first)
    assert second.searches() == 0
    for a, b in zip(found, pairs(second, positions), strict=True):
        np.testing.assert_array_equal(a, b)


MISTAKES = {
    "atom 1: expected finite coordinates": ([[0, 0, 0], [np.nan, 0, 0]], np.eye(3) * 8),
    "atom 0: expected finite coordinates": ([[0, np.inf, 0]], None),
    "atom 1: expected coordinates near the box": ([[0, 0, 0], [1e12, 0, 0]], np.eye(3) * 8),
    "expected independent box vectors": ([[0, 0, 0]], np.diag([8.0, 8.0, 0.0])),
    "expected a periodic box that is not far narrower": ([[0, 0, 0]], np.diag([8.0, 8.0, 1e-3])),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_named(message):
    positions, cell = MISTAKES[message]
    search = neighbours()
    with pytest.raises(ValueError, match=message):
        pairs(search, np.array(positions, dtype=float), cell)
    # The search still works after an error.
    assert len(pairs(search, np.array([[0, 0, 0], [1.0, 0, 0]]), np.eye(3) * 8)[0]) == 2


def test_no_atoms():
    assert [len(each) for each in pairs(neighbours(), np.zeros((0, 3)), np.eye(3))] == [0, 0, 0]


WIDE = {  # size of the space; a uniform grid of bins does not fit into memory for the last three
    "flat enough": (500.0, 500.0, 4.0),
    "long enough": (1e5, 4.0, 4.0),
    "flat": (2000.0, 2000.0, 4.0),
    "long": (4.0, 4.0, 1e6),
    "beyond": (1e9, 4.0, 4.0),
}


@pytest.mark.parametrize("shape", WIDE)
@pytest.mark.parametrize("periodic", ["FFF", "TTT", "TTF", "FFT", "TFF", "FTT"])
def test_python_finds_every_pair_in_flat_and_long_spaces(shape, periodic):
    """The Python search finds all pairs in distant clusters, one across the cell's edges."""
    random = np.random.default_rng(5)
    periodic = np.array([each == "T" for each in periodic])
    cell = np.diag(WIDE[shape])
    if periodic[2] and shape != "beyond":
        cell[2, 0] = 1.0
    if shape == "beyond":  # coordinates there have too few digits for a cluster
        positions = random.uniform(0, 4, (40, 3))
        positions[0, 0] = 0.4 * WIDE[shape][0]
    else:
        centres = np.repeat([[0, 0, 0], [0.5, 0.5, 0.5], [0.7, 0.2, 0.9]], 20, axis=0) @ cell
        positions = centres + random.uniform(-2, 2, (60, 3))
    found = in_python(positions, cell, periodic)
    near = [np.zeros((1, 3))]
    for axis in np.flatnonzero(periodic):
        near = [shift + n * cell[axis] for shift in near for n in (-2, -1, 0, 1, 2)]
    images = np.concatenate([np.atleast_2d(each) for each in near])
    vectors = positions[None, :, None] - positions[:, None, None] + images
    distances = np.linalg.norm(vectors, axis=-1)
    i, j, k = np.nonzero((distances < CUTOFF) & (distances > 1e-9))
    assert len(i) > 100
    wanted = canonical(i, j, vectors[i, j, k])
    np.testing.assert_allclose(canonical(*found), wanted, rtol=0, atol=1e-9)


REFUSED = {
    "expected a finite cell, found": (np.diag([8.0, 8.0, np.nan]), "FFF"),
    "expected a finite cell": (np.diag([8.0, np.inf, 8.0]), "TTT"),
    "expected three independent cell vectors": (np.zeros((3, 3)), "TTT"),
    "expected two independent cell vectors": (np.diag([8.0, 0.0, 8.0]), "TTF"),
    r"expected a cell that is not far narrower .* found one of height 0\.001 Å": (
        np.eye(3) * 1e-3,
        "TTT",
    ),
    r"atom 1: expected coordinates near the cell, found \[1.*, a million cells away": (
        np.diag([1e-6, 8.0, 8.0]),
        "TFF",
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_python_names_cells_that_it_cannot_use(message):
    cell, periodic = REFUSED[message]
    positions = np.array([[0, 0, 0], [1.0, 0, 0]])
    if "near" in message:
        cell, positions[1, 0] = np.eye(3) * 8.0, 1e8
    with pytest.raises(InputError, match=f"^{message}"):
        in_python(positions, cell, np.array([each == "T" for each in periodic]))
