"""The C interface survives damaged files, and any atoms in any box."""

import numpy as np
import pytest
import torch
from c_library import INVALID_ARGUMENT, NOT_FINITE, CError, Library

pytestmark = pytest.mark.slow

VALUES = [0.0, -0.0, 1e-300, 1e-3, 0.5, 3.0, 1e3, 1e9, 1e49, 1e200, np.inf, -np.inf, np.nan]


def test_damaged_files(fuzz, tmp_path, random_model, random_committee, uncertain_model):
    files = [random_model(dtype) for dtype in (torch.float32, torch.float64)]
    files += [random_model(zbl=(1.0, 2.5)), random_committee(), uncertain_model()]
    fuzz.child(tmp_path, [("library", file) for file in files])


def test_atoms_and_boxes(fuzz, random_model):
    """A call gives finite results or an error message, and the next call works again."""
    library = Library()
    models = [library.load(random_model(dtype)) for dtype in (torch.float32, torch.float64)]
    kept = [model.evaluation() for model in models]
    computed = refused = 0
    for random in fuzz:
        evaluation = kept[int(random.integers(2))]
        n = int(random.choice([0, 1, 2, 3, 10, 70, 300]))
        numbers = random.choice([1, 8], size=n)
        size = 2.0 * (n or 1) ** (1 / 3) * 3.0 ** random.uniform(-0.3, 1)
        cell = size * (np.eye(3) + random.uniform(-0.4, 0.4, (3, 3)))
        positions = random.uniform(-2, 2, (n, 3)) @ cell
        if random.random() < 0.5:
            target = random.choice([0, 1]) if n else 0
            values = (cell, positions)[target].reshape(-1)
            values[random.integers(len(values))] = random.choice(VALUES)
        if random.random() < 0.1 and n:
            numbers[random.integers(n)] = random.choice([-1, 0, 6, 118, 119, 2**31 - 1])
        pbc = random.integers(0, 2, 3)
        box = [(None, None), (cell, None), (cell, pbc), (None, pbc)][int(random.integers(4))]
        threads = int(random.choice([0, 1, 2]))
        try:
            energy, energies, forces, virial = evaluation.compute(numbers, positions, *box, threads)
        except CError as error:
            assert error.status in (INVALID_ARGUMENT, NOT_FINITE), str(error)
            assert "\n" not in str(error)
            assert ": expected" in str(error) or str(error).startswith("expected")
            refused += 1
            continue
        for each in (energy, energies, forces):
            assert np.isfinite(each).all()
        assert np.abs(forces.sum(axis=0)).max(initial=0) <= 1e-9 * (1 + np.abs(forces).sum())
        assert np.isfinite(virial).all()
        computed += 1
    assert fuzz.seconds < 0.5 or (computed > 5 and refused > 5)
