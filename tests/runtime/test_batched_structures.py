"""Many structures in one call give the same results as one call each."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from hipnn_ts import _core

NO_LIMITS = np.zeros((0, 0))
DTYPES = [torch.float64, torch.float32]
MARK = 1e9  # replaces nan


def model_of(path):
    return _core.Model(path.read_bytes(), str(path))


def mixed(water):
    """Return structures of different elements, sizes, cells and periodicities."""
    frames = [molecule("H2O"), Atoms("O"), molecule("H2"), water(4), molecule("H2O2")]
    slab = water(2)
    slab.pbc = (True, True, False)
    tiny = molecule("H2O", cell=[2.4, 2.5, 2.6], pbc=True)
    frames += [slab, tiny, Atoms(), molecule("O3"), water(3)]
    frames += [molecule("H2O2") for _ in range(60)]  # more structures than one pass takes
    for seed, frame in enumerate(frames):
        frame.rattle(0.05, seed=seed)
    return frames


def species_of(atoms):
    return (atoms.numbers == 8).astype(np.int64)


def columns(frames):
    """Return the arguments of a batch."""
    return (
        np.array([len(each) for each in frames], np.int64),
        np.concatenate([np.zeros((0, 3)), *(each.positions for each in frames)]),
        np.concatenate([[], *(species_of(each) for each in frames)]).astype(np.int64),
        np.array([each.cell.array for each in frames]).reshape(-1, 3, 3),
        np.array([each.pbc for each in frames]).reshape(-1, 3),
    )


def one_by_one(model, frames, limits=NO_LIMITS):
    evaluation = _core.Evaluation(model)
    return [
        evaluation.compute(
            each.positions, species_of(each), each.cell.array, each.pbc, limits, n_threads=1
        )
        for each in frames
    ]


def same_bits(found, expected):
    totals, energies, forces, virials, closest, not_finite = found
    assert len(totals) == len(virials) == len(not_finite) == len(expected)
    closest = dict(closest)
    first = 0
    for k, (e, f, v, pair, bad) in enumerate(expected):
        atoms = slice(first, first + len(e))
        np.testing.assert_array_equal(energies[atoms], e)
        np.testing.assert_array_equal(forces[atoms], f)
        np.testing.assert_array_equal(virials[k], v)
        assert closest.get(k) == pair
        assert not_finite[k] == bad
        if (e != MARK).all():
            assert totals[k] == pytest.approx(e.sum(), rel=1e-13, abs=1e-13)
        first += len(e)
    assert first == len(energies) == len(forces)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("more", [{}, {"invariants": "polynomials"}], ids=["norms", "polynomials"])
def test_bits_of_single_calls_on_any_number_of_threads(random_model, water, dtype, more):
    model = model_of(random_model(dtype, **more))
    frames = mixed(water)
    expected = one_by_one(model, frames)
    assert np.abs(np.concatenate([forces for _, forces, *_ in expected])).max() > 0.1
    batch = _core.Batch(model)
    for n_threads in (1, 2, 3, 0, 2):
        same_bits(batch.compute(*columns(frames), NO_LIMITS, n_threads), expected)
    same_bits(batch.compute(*columns(frames[::-1]), NO_LIMITS, 2), expected[::-1])
    for few in ([frames[3]], frames[:2]):  # threads within one, and more threads than structures
        same_bits(batch.compute(*columns(few), NO_LIMITS, 4), one_by_one(model, few))


def test_nothing(random_model):
    batch = _core.Batch(model_of(random_model()))
    found = batch.compute(*columns([]), NO_LIMITS, 2)
    assert [each.shape for each in found[:4]] == [(0,), (0,), (0, 3), (0, 3, 3)]
    assert (found[4], len(found[5])) == ([], 0)
    same_bits(
        batch.compute(*columns([Atoms(), Atoms()]), NO_LIMITS),
        one_by_one(model_of(random_model()), [Atoms(), Atoms()]),
    )


def test_facts_of_each_structure(random_model):
    model = model_of(random_model(torch.float32, zbl=(1.0, 2.5)))
    limits = np.array([[0.5, 0.9], [0.9, 1.0]])  # H, O
    close = Atoms("OHHO", positions=[[0, 0, 0], [0, 0, 0.8], [0, 0, -0.85], [0, 0.93, 0]])
    wrong = Atoms("OHOH", positions=[[0, 0, 0], [0, 0, 9.0], [0, 9.0, 0], [0, 9.0, 1e-25]])
    frames = [molecule("H2O"), close, wrong, molecule("H2O"), close]
    expected = one_by_one(model, frames, limits)
    assert [found[3] is not None for found in expected] == [False, True, True, False, True]
    assert [found[4] for found in expected] == [-1, -1, 2, -1, -1]
    found = _core.Batch(model).compute(*columns(frames), limits, 2)
    assert np.isnan(found[0]).tolist() == [False, False, True, False, False]
    numbers = [np.nan_to_num(each, nan=MARK) for each in found[:4]]
    same_bits(
        [*numbers, *found[4:]],
        [(*(np.nan_to_num(part, nan=MARK) for part in each[:3]), *each[3:]) for each in expected],
    )


def test_the_first_mistake_is_named(random_model):
    model = model_of(random_model())
    batch = _core.Batch(model)
    good = [molecule("H2O") for _ in range(80)]
    expected = one_by_one(model, good)

    def refused(changes, n_threads):
        frames = [each.copy() for each in good]
        for k, change in changes.items():
            change(frames[k])
        with pytest.raises(ValueError) as error:
            batch.compute(*columns(frames), NO_LIMITS, n_threads)
        same_bits(batch.compute(*columns(good), NO_LIMITS, n_threads), expected)
        return str(error.value)

    def nowhere(atoms):
        atoms.positions[1, 2] = np.nan

    def together(atoms):
        atoms.positions[2] = atoms.positions[0]

    def flat(atoms):
        atoms.pbc = True

    finite = "atom 1: expected finite coordinates, found one that is not"
    distinct = "atoms 0 and 2: expected distinct positions, found both in one place"
    box = "expected independent box vectors in the periodic directions, found ones that are not"
    for n_threads in (1, 2, 3):
        assert refused({70: nowhere}, n_threads) == f"structure 70: {finite}"
        assert refused({6: flat}, n_threads) == f"structure 6: {box}"
        # Two mistakes in the same pass, and in different passes.
        assert refused({5: together, 7: nowhere}, n_threads) == f"structure 5: {distinct}"
        assert refused({5: nowhere, 7: together}, n_threads) == f"structure 5: {finite}"
        assert refused({3: together, 75: nowhere}, n_threads) == f"structure 3: {distinct}"
        assert refused({3: nowhere, 75: together}, n_threads) == f"structure 3: {finite}"


WRONG = {
    r"structure 1: atom 2: expected a species below 2, found 5": {"species": [1, 0, 0, 1, 0, 5]},
    r"counts: expected numbers of atoms that sum to 6": {"counts": [3, 2]},
    r"counts: expected numbers of atoms that sum": {"counts": [7, -1]},
    r"cells: expected shape \(2, 3, 3\), found \(3, 3\)": {"cells": np.eye(3)},
    r"pbc: expected shape \(2, 3\), found \(2\)": {"pbc": [True, False]},
    r"limits: expected shape \(2, 2\), found \(2, 3\)": {"limits": np.ones((2, 3))},
}


@pytest.mark.parametrize("message", WRONG)
def test_wrong_arguments(random_model, message):
    names = ("counts", "positions", "species", "cells", "pbc")
    good = dict(zip(names, columns([molecule("H2O"), molecule("H2O")]), strict=True))
    good["limits"] = NO_LIMITS
    with pytest.raises(ValueError, match=f"^{message}"):
        _core.Batch(model_of(random_model())).compute(**{**good, **WRONG[message]})


def test_callers_take_turns(random_model):
    model = model_of(random_model())
    shared = _core.Batch(model)
    batches = [[molecule("H2O")] * n for n in (1, 30, 7)]
    for seed, frames in enumerate(batches):
        batches[seed] = [each.copy() for each in frames]
        for k, each in enumerate(batches[seed]):
            each.rattle(0.05, seed=100 * seed + k)
    with ThreadPoolExecutor(3) as pool:
        found = list(
            pool.map(lambda each: shared.compute(*columns(each), NO_LIMITS, 2), batches * 5)
        )
    for k, each in enumerate(found):
        same_bits(each, one_by_one(model, batches[k % 3]))
