"""Force uncertainty through the C interface."""

import ctypes

import numpy as np
import pytest
import torch
from c_library import INVALID_ARGUMENT, CError, Library
from uncertainties import expected

from hipnn_ts import _core

CUTOFF = 4.0


@pytest.fixture(scope="module")
def library():
    return Library()


def structure_of(atoms):
    return atoms.numbers, atoms.positions, atoms.cell.array


def test_which_files_have_it(library, random_model, uncertain_model, random_committee):
    paths = random_model(), uncertain_model(), random_committee()
    assert [library.load(path).has_uncertainty() for path in paths] == [0, 1, 0]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_one_structure(
    n_threads, library, uncertain_model, random_potential, random_uncertainty, water
):
    atoms = water(3)
    evaluation = library.load(uncertain_model()).evaluation()
    plain = evaluation.compute(*structure_of(atoms), n_threads=n_threads)
    evaluation.uncertain()
    found = evaluation.compute(*structure_of(atoms), n_threads=n_threads)
    for a, b in zip(found, plain, strict=True):
        np.testing.assert_array_equal(a, b)
    by_hand = expected(random_potential(), random_uncertainty(), atoms)
    np.testing.assert_allclose(
        evaluation.uncertainties(len(atoms)), by_hand, rtol=1e-11, atol=1e-10
    )


def test_batches(library, uncertain_model, water):
    """A batch gives the same bits as single calls."""
    boxes = [water(1), water(2), water(1)]
    structures = [(*structure_of(atoms), (1, 1, 1)) for atoms in boxes]
    evaluation = library.load(uncertain_model()).evaluation()
    evaluation.uncertain()
    evaluation.compute_batch(structures, n_threads=2)
    together = evaluation.uncertainties(sum(map(len, boxes)))
    alone = []
    for atoms in boxes:
        evaluation.compute(*structure_of(atoms))
        alone.append(evaluation.uncertainties(len(atoms)))
    np.testing.assert_array_equal(together, np.concatenate(alone))


def test_mistakes(library, uncertain_model, random_model, water):
    def refused(sentence, function, *arguments):
        with pytest.raises(CError, match=sentence) as error:
            function(*arguments)
        assert error.value.status == INVALID_ARGUMENT

    evaluation = library.load(uncertain_model()).evaluation()
    none = "^expected a computation with uncertainty before, found none"
    refused(none, evaluation.uncertainties, 3)
    evaluation.compute(*structure_of(water(1)))
    refused(none, evaluation.uncertainties, 3)
    evaluation.uncertain()
    evaluation.members(-1, deviations=False)  # does not switch uncertainty off
    evaluation.compute(*structure_of(water(1)))
    assert np.isfinite(evaluation.uncertainties(3)).all()
    evaluation.uncertain(False)
    evaluation.compute(*structure_of(water(1)))
    refused(none, evaluation.uncertainties, 3)
    plain = library.load(random_model()).evaluation()
    refused("^expected a model with force uncertainty, found none", plain.uncertain)
    plain.uncertain(False)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_stages(dtype, blocks, library, uncertain_model, random_model, water):
    """Staged calls compute uncertainties of receivers from features that the caller exchanges."""
    architecture = {"n_features": (8, 9, 7)[:blocks]}
    model = library.load(uncertain_model(dtype, **architecture))
    real = np.float64 if dtype == torch.float64 else np.float32
    atoms = water(3)
    species = (atoms.numbers == 8).astype(np.int64)
    pairs = _core.neighbour_pairs(atoms.positions, atoms.cell.array, atoms.pbc, CUTOFF)
    n, n_own = len(atoms), 50
    widths = [model.block_width(k) for k in range(blocks)]

    def step(own, whole=None):
        """Return features of each block, uncertainties, energies and pair gradients."""
        receivers, senders, vectors = pairs
        mine = receivers < own
        stages = model.stages()
        kept = species, receivers[mine].astype(np.int32), senders[mine].astype(np.int32)
        kept += (np.ascontiguousarray(vectors[mine], real),)
        stages.begin(own, *kept)
        energies, gradients = np.zeros(own), np.zeros_like(kept[3])
        features, entering = [], None
        for k in range(blocks - 1):
            out = np.full((own, widths[k]), np.nan, real)
            stages.call("forward", k, entering, out, energies)
            features.append(out)
            entering = whole[k] if whole else out
        back = np.full((n, widths[-2]), np.nan, real) if blocks > 1 else None
        last = np.full((own, widths[-1]), np.nan, real)
        stages.call("last_with_features", entering, energies, back, gradients, last)
        features.append(last)
        found = np.full(own, np.nan)
        addresses = (ctypes.c_void_p * blocks)(*(each.ctypes.data for each in features))
        library.call("hipnn_ts_stages_uncertainties", stages.handle, addresses, pointer(found))
        return features, found, energies, gradients

    def pointer(array):
        return ctypes.c_void_p(array.ctypes.data)

    features, found, energies, _ = step(n)
    evaluation = model.evaluation()
    evaluation.uncertain()
    evaluation.compute(*structure_of(atoms))
    tolerance = 1e-11 if dtype == torch.float64 else 1e-3
    np.testing.assert_allclose(found, evaluation.uncertainties(n), rtol=tolerance)
    _, part, of_part, _ = step(n_own, features)
    np.testing.assert_allclose(part, found[:n_own], rtol=tolerance)
    np.testing.assert_allclose(of_part, energies[:n_own], rtol=1e-4)
    _, none, _, _ = step(0, features)  # a rank without atoms
    assert none.size == 0
    plain = library.load(random_model(dtype, **architecture)).stages()
    plain.begin(0, species, *(each[:0].astype(np.int32) for each in pairs[:2]), pairs[2][:0])
    with pytest.raises(CError, match=r"^expected a model with force uncertainty, found none"):
        addresses = (ctypes.c_void_p * blocks)(*(each.ctypes.data for each in features))
        library.call("hipnn_ts_stages_uncertainties", plain.handle, addresses, pointer(found))
