"""The runtime, with many frames at once, and torch predict the same for an exported file."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.calculators.singlepoint import SinglePointCalculator

from hipnn_ts.errors import InputError
from hipnn_ts.evaluation import compare, load_potential
from hipnn_ts.export import load_exported
from hipnn_ts.export.potential import NativePotential


def labelled(atoms, **results):
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


@pytest.fixture(scope="module")
def frames(water):
    """Frames with all labels, with some of them, and with none."""
    made = []
    for seed in range(300):  # more than one batch of the runtime
        atoms = water(2) if seed % 50 == 0 else molecule("H2O")
        atoms.rattle(0.05, seed=seed)
        forces = np.zeros((len(atoms), 3))
        forces[: seed % 2] = np.nan
        results = {"energy": 1.0, "forces": forces, "stress": np.zeros(6)}
        for name in ("energy", "forces", "stress")[: seed % 4]:
            del results[name]
        made.append(labelled(atoms, **results))
    made.append(labelled(molecule("H2O"), forces=np.full((3, 3), np.nan)))
    return made


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_the_runtime_and_torch(random_model, frames, dtype):
    path = random_model(dtype)
    potential = load_potential(path)
    assert isinstance(potential, NativePotential)
    done = []
    found = compare(potential, frames, step=done.append)
    expected = compare(load_exported(path)[0], frames)
    assert sum(done) == len(frames) == len(found.energies)
    np.testing.assert_allclose(found.energies, expected.energies, rtol=1e-12, atol=1e-5)
    for name in ("forces", "stresses"):
        pairs = list(zip(getattr(found, name), getattr(expected, name), strict=True))
        assert [a is None for a, _ in pairs] == [b is None for _, b in pairs]
        given = [pair for pair in pairs if pair[0] is not None]
        assert 0 < len(given) < len(frames)
        for a, b in given:
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-9 if dtype is torch.float64 else 1e-4)


MISTAKES = {
    "atoms 0 and 1: expected at least 0.05 Å between atoms, found 0.04 Å": Atoms(
        "OHH", [[0, 0, 0], [0, 0, 0.04], [0, 1, 0]]
    ),
    r"atom 1: expected one of the elements H O of .*, found C": Atoms("OC", [[0, 0, 0], [0, 0, 1]]),
}


@pytest.mark.parametrize("sentence", MISTAKES)
def test_mistakes_name_the_frame(random_model, sentence):
    frames = [labelled(molecule("H2O"), energy=0.0), labelled(MISTAKES[sentence], energy=0.0)]
    potential = load_potential(random_model())
    with pytest.raises(InputError, match=rf"^b\.extxyz: {sentence}"):
        compare(potential, frames, ["a.extxyz", "b.extxyz"])
    with pytest.raises(InputError, match=r"^frame 1: "):
        compare(potential, frames)
