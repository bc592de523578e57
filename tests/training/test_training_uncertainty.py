"""The parameters of the force uncertainty that training stores in its checkpoint."""

import shutil

import numpy as np
import pytest
import torch
from ase.calculators.singlepoint import SinglePointCalculator
from uncertainties import expected, features

from hipnn_ts.checkpoint import load_checkpoint, read_checkpoint, save_checkpoint
from hipnn_ts.data.dataset import ReferenceDataset
from hipnn_ts.errors import InputError
from hipnn_ts.evaluation.compare import compare
from hipnn_ts.evaluation.uncertainty import uncertainty_of
from hipnn_ts.model.uncertainty import distribution
from hipnn_ts.training import uncertainty as fitting
from hipnn_ts.training.fit import train
from hipnn_ts.training.uncertainty import described, fit_uncertainty


def frames_of(water, *seeds, forces=True):
    """Return frames of water with random numbers as forces."""
    frames = []
    for seed in seeds:
        atoms = water(2)
        atoms.rattle(0.05, seed=seed)
        random = np.random.default_rng(seed)
        results = {"forces": random.normal(size=(len(atoms), 3))} if forces else {}
        atoms.calc = SinglePointCalculator(atoms, energy=0.0, **results)
        frames.append(atoms)
    return frames


def data(frames):
    return ReferenceDataset(frames, ("H", "O"), 4.0, torch.float64)


def test_against_numpy(random_potential, water):
    potential = random_potential()
    training, validation = frames_of(water, 1, 2, 3), frames_of(water, 4, 5)
    found = fit_uncertainty(potential, data(training), data(validation))
    known = [features(potential, atoms) for atoms in training]
    phi, species = (torch.from_numpy(np.concatenate(each)) for each in zip(*known, strict=True))
    means, whitening, _ = distribution(phi, species, 2)
    torch.testing.assert_close(found.means, means, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(found.whitening, whitening, rtol=1e-6, atol=1e-6)
    comparison = compare(potential, validation)
    squares, errors, of_atoms = [], [], []
    one = found._replace(scale=torch.ones(2, dtype=torch.float64))
    for atoms, forces in zip(validation, comparison.forces, strict=True):
        squares.append(expected(potential, one, atoms) ** 2)
        errors.append(((forces - atoms.calc.results["forces"]) ** 2).sum(axis=1))
        of_atoms.append(atoms.numbers == 8)
    squares, errors, of_atoms = map(np.concatenate, (squares, errors, of_atoms))
    for k in (0, 1):
        own = of_atoms == k
        by_hand = (errors[own].sum() + 20 * errors.mean()) / (
            squares[own].sum() + 20 * squares.mean()
        )
        assert found.scale[k].item() == pytest.approx(np.sqrt(by_hand), rel=1e-9)
    assert found.facts["training_atoms"] == {"H": 48, "O": 24}
    assert found.facts["validation_atoms"] == 48
    told = uncertainty_of(compare(potential, validation, uncertainty=found), "meV")
    assert told["ratio"] == pytest.approx(1.0, rel=0.05)
    assert told["rank_correlation"]["atoms"] == pytest.approx(
        found.facts["rank_correlation"], abs=1e-3
    )


def test_the_same_every_time(random_potential, water):
    sets = data(frames_of(water, 1, 2)), data(frames_of(water, 3))
    one, two = (fit_uncertainty(random_potential(), *sets) for _ in range(2))
    torch.testing.assert_close(one.scale, two.scale, rtol=0, atol=0)
    assert one.facts == two.facts
    torch.testing.assert_close(one.whitening, two.whitening, rtol=0, atol=0)


def test_no_forces_no_uncertainty(random_potential, water):
    training, validation = frames_of(water, 1, 2), frames_of(water, 3, forces=False)
    assert fit_uncertainty(random_potential(), data(training), data(validation)) is None
    assert described(None).startswith("force uncertainty: none; ")


def test_forces_of_some_atoms_are_enough(random_potential, water):
    validation = frames_of(water, 3, 4)
    validation[0].calc.results["forces"][5:] = np.nan
    found = fit_uncertainty(random_potential(), data(frames_of(water, 1)), data(validation))
    assert found.facts["validation_atoms"] == 5 + 24


def test_elements_that_training_lacks_do_not_calibrate(random_potential, water):
    training = frames_of(water, 1, 2)
    hydrogen = [atoms[atoms.numbers == 1] for atoms in training]
    for atoms in hydrogen:
        atoms.calc = SinglePointCalculator(atoms, forces=np.zeros((len(atoms), 3)))
    found = fit_uncertainty(random_potential(), data(hydrogen), data(frames_of(water, 3)))
    assert found.facts["training_atoms"] == {"H": 32, "O": 0}
    assert found.facts["validation_atoms"] == 16


def test_large_data_are_sampled_evenly(monkeypatch, water):
    several = data(frames_of(water, *range(40)))
    monkeypatch.setattr(fitting, "MOST_ATOMS", 24 * 5)
    chosen = fitting._frames(several, 2, 10**6)
    assert len(chosen) == 5
    assert np.diff(chosen).max() < 20
    assert fitting._frames(several, 2, 16) == fitting._frames(several, 2, 9)  # two frames
    assert len(fitting._frames(several, 2, 16)) == 2
    for n in (1, 2, 3, 10, 97):
        assert sorted(fitting._evenly(n)) == list(range(n))


def test_checkpoints(tmp_path, random_potential, random_uncertainty):
    path = tmp_path / "best.ckpt"
    save_checkpoint(path, random_potential(), {"a": 1}, random_uncertainty())
    potential, provenance, found = read_checkpoint(path)
    assert provenance == {"a": 1}
    assert found.facts == random_uncertainty().facts
    torch.testing.assert_close(found.scale, random_uncertainty().scale, rtol=0, atol=0)
    torch.testing.assert_close(found.whitening, random_uncertainty().whitening, rtol=0, atol=0)
    assert len(load_checkpoint(path)) == 2
    save_checkpoint(path, potential, {})
    assert read_checkpoint(path).uncertainty is None


BROKEN = {
    "means": (torch.zeros(2, 3, dtype=torch.float64), "means: expected torch.float64 of shape"),
    "whitening": (torch.full((2, 136), np.nan, dtype=torch.float64), "whitening: expected finite"),
    "scale": (torch.zeros(2, dtype=torch.float64), "scale: expected numbers above 0, found 0"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_checkpoints(name, tmp_path, random_potential, random_uncertainty):
    value, said = BROKEN[name]
    path = tmp_path / "best.ckpt"
    save_checkpoint(path, random_potential(), {}, random_uncertainty()._replace(**{name: value}))
    with pytest.raises(InputError, match=said) as error:
        read_checkpoint(path)
    assert str(error.value).startswith(f"{path}: uncertainty")


def test_a_run_leaves_it(finished):
    """A run stores the uncertainty of the weights in best.ckpt."""
    potential, provenance, found = read_checkpoint(finished / "best.ckpt")
    assert found.facts["training_atoms"].keys() == set(potential.config.elements)
    assert all(n > 0 for n in found.facts["training_atoms"].values())
    assert provenance["validation_errors"]["forces_rmse"] > 0
    assert (found.scale > 0).all()
    assert (found.scale < 1).all()


def test_a_run_that_was_killed_before_it_was_there(finished, settings, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run")
    potential, provenance, whole = read_checkpoint(folder / "best.ckpt")
    save_checkpoint(folder / "best.ckpt", potential, provenance)
    told = []
    train(settings(), folder, resume=True, tell=told.append)
    found = read_checkpoint(folder / "best.ckpt").uncertainty
    torch.testing.assert_close(found.whitening, whole.whitening, rtol=0, atol=0)
    assert found.facts == whole.facts
    assert len(told) == 1
    assert told[0].startswith("force uncertainty: ")
    train(settings(), folder, resume=True, tell=told.append)
    assert len(told) == 1
