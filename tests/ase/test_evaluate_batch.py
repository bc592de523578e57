"""The calculator evaluates many structures in one call."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.errors import InputError
from hipnn_ts.export import export_potential
from hipnn_ts.export.extrapolation import ExtrapolationError, ExtrapolationWarning


def frames_of(water):
    slab = water(2)
    slab.pbc = (True, True, False)
    frames = [molecule("H2O"), water(2), Atoms("O"), slab, molecule("H2O2"), water(3)]
    frames += [molecule("H2O") for _ in range(30)]
    for seed, frame in enumerate(frames):
        frame.rattle(0.05, seed=seed)
    return frames


@pytest.mark.parametrize("portable", [False, True], ids=["fused", "portable"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_the_results_of_single_calls(random_model, water, dtype, portable):
    calculator = HIPNNTSCalculator(random_model(dtype, portable))
    frames = frames_of(water)
    found = calculator.evaluate_batch(iter(frames))
    assert len(found) == len(frames)
    for atoms, results in zip(frames, found, strict=True):
        calculator.calculate(atoms)
        assert results.keys() == calculator.results.keys()
        for name, value in calculator.results.items():
            # torch may recompile a portable file's code between two calls.
            tolerance = {torch.float64: 1e-10, torch.float32: 1e-4}[dtype] if portable else 0.0
            np.testing.assert_allclose(results[name], value, rtol=0, atol=tolerance)
        assert atoms.calc is None
    assert ["stress" in results for results in found[:4]] == [False, True, False, True]


def test_what_the_calculator_holds_stays(random_model, water):
    calculator = HIPNNTSCalculator(random_model())
    atoms = water(2)
    atoms.calc = calculator
    energy = atoms.get_potential_energy()
    found = calculator.evaluate_batch([molecule("H2O"), atoms])
    assert calculator.results["energy"] == energy == found[1]["energy"]
    assert calculator.atoms == atoms
    found[1]["forces"][:] = 0.0  # belongs to the caller
    assert np.abs(atoms.get_forces()).max() > 0.0


def test_nothing(random_model):
    assert HIPNNTSCalculator(random_model()).evaluate_batch([]) == []


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_copies(random_model, copied):
    frames = [molecule("H2O"), molecule("H2O2")]
    calculator = HIPNNTSCalculator(random_model())
    expected = calculator.evaluate_batch(frames)  # allocates its buffers
    found = copied(calculator).evaluate_batch(frames)
    assert [each["energy"] for each in found] == [each["energy"] for each in expected]


def broken(**changes):
    atoms = molecule("H2O")
    for name, value in changes.items():
        setattr(atoms, name, value)
    return atoms


MISTAKES = {
    "expected at least one atom, found none": Atoms(),
    "atom 1: expected one of the elements H O of .*, found C": Atoms("OC", [[0, 0, 0], [0, 0, 1]]),
    r"atom 0: expected finite coordinates, found \[nan, 0.0, 0.0\]": Atoms("O", [[np.nan, 0, 0]]),
    r"atoms 0 and 1: expected distinct positions, found both at \[0.0, 0.0, 2.0\]": Atoms(
        "O2", [[0, 0, 2.0], [0, 0, 2.0]]
    ),
    "expected three independent cell vectors in a periodic frame": broken(pbc=True),
    "expected one independent cell vectors": broken(pbc=(True, False, False)),
    "expected a finite cell": broken(cell=[np.nan, 1, 1], pbc=True),
    "expected a cell that is not far narrower than the cutoff": broken(cell=[0.01] * 3, pbc=True),
}


@pytest.mark.parametrize("portable", [False, True], ids=["fused", "portable"])
@pytest.mark.parametrize("sentence", MISTAKES)
def test_mistakes_name_the_structure(random_model, sentence, portable):
    calculator = HIPNNTSCalculator(random_model(portable=portable))
    with pytest.raises(InputError, match=f"^structure 1: {sentence}"):
        calculator.evaluate_batch([molecule("H2O"), MISTAKES[sentence], molecule("H2O")])
    assert len(calculator.evaluate_batch([molecule("H2O")])) == 1


def test_a_cell_is_looked_at_where_it_or_its_periodicity_changes(random_model):
    calculator = HIPNNTSCalculator(random_model())
    flat = [[9.0, 0, 0], [0, 9.0, 0], [9.0, 9.0, 0]]
    whole, collapsed = broken(cell=[9.0] * 3, pbc=True), broken(cell=flat, pbc=True)
    slab = broken(cell=flat, pbc=(True, True, False))
    assert len(calculator.evaluate_batch([whole, slab])) == 2
    for frames in ([whole, collapsed], [slab, collapsed]):
        with pytest.raises(InputError, match=r"^structure 1: expected three independent cell"):
            calculator.evaluate_batch(frames)


def test_closer_than_in_training(random_potential, tmp_path):
    path = tmp_path / "m.pt"
    export_potential(random_potential(), path, {"closest_approach": {"H-H": 1.4, "H-O": 0.9}})
    close = Atoms("OH", [[0, 0, 0], [0, 0, 0.8]])
    frames = [molecule("H2O"), close, molecule("H2O"), close]
    sentence = r"^structure 1: atoms . and . are 0.8 Å apart at evaluation 2 of this calculator"
    with pytest.warns(ExtrapolationWarning, match=sentence) as told:
        HIPNNTSCalculator(path).evaluate_batch(frames)
    assert len(told) == 1
    assert told[0].filename == __file__
    with pytest.raises(ExtrapolationError, match=sentence):
        HIPNNTSCalculator(path, beyond_training="stop").evaluate_batch(frames)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        HIPNNTSCalculator(path, beyond_training="ignore").evaluate_batch(frames)


def test_results_that_are_not_finite(random_model):
    wrong = Atoms("OHOH", positions=[[0, 0, 0], [0, 0, 9.0], [0, 9.0, 0], [0, 9.0, 1e-25]])
    calculator = HIPNNTSCalculator(random_model(torch.float32, zbl=(1.0, 2.5)))
    sentence = "^structure 1: expected finite energies and forces, found none for atom 2 at"
    with pytest.raises(InputError, match=sentence):
        calculator.evaluate_batch([molecule("H2O"), wrong])
