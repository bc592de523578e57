"""Atoms closer than in the training data cause a few warnings or an error, in ASE and OpenMM."""

import warnings

import numpy as np
import openmm
import pytest
import torch
from ase import Atoms
from click.testing import CliRunner

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.cli import main
from hipnn_ts.errors import InputError
from hipnn_ts.export import export_potential, load_exported
from hipnn_ts.export.extrapolation import (
    ExtrapolationError,
    ExtrapolationWarning,
    closest_below,
)
from hipnn_ts.openmm import create_force
from hipnn_ts.selftest.openmm import LENGTH

CLOSEST = {"H-O": 0.9, "H-H": 1.4, "O-O": 2.4}


@pytest.fixture(scope="module")
def model(tmp_path_factory, random_potential):
    path = tmp_path_factory.mktemp("guard") / "model.pt"
    export_potential(random_potential(), path, {"closest_approach": CLOSEST})
    return path


@pytest.fixture(scope="module")
def portable(tmp_path_factory, random_potential):
    path = tmp_path_factory.mktemp("guard") / "portable.pt"
    export_potential(random_potential(), path, {"closest_approach": CLOSEST}, portable=True)
    return path


def pair(distance, symbols="OH"):
    """Return two atoms at a distance, and a third far away."""
    return Atoms(symbols + "H", positions=[[0, 0, 0], [0, 0, distance], [0, 8, 0]])


def test_ase_tells_the_1st_10th_and_100th_time(model):
    atoms = pair(1.0)
    atoms.calc = HIPNNTSCalculator(model)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        atoms.get_potential_energy()
        assert not told
        for step in range(120):
            atoms.positions[1, 2] = 0.8 - 1e-4 * step
            atoms.get_potential_energy()
    told = [str(each.message) for each in told if each.category is ExtrapolationWarning]
    assert len(told) == 3
    assert told[0].startswith(
        "atoms 0 and 1 are 0.8 Å apart at evaluation 2 of this calculator, closer than in the "
        "training data (0.9 Å)"
    )
    assert "(occasion 100)" in told[2]


@pytest.mark.parametrize("symbols, distance", [("OH", 0.89), ("HH", 1.39), ("OO", 2.39)])
def test_limits_are_those_of_the_elements(model, symbols, distance):
    for length, fine in ((distance, False), (distance + 0.02, True)):
        atoms = pair(length, symbols)
        atoms.calc = HIPNNTSCalculator(model, beyond_training="stop")
        if fine:
            atoms.get_potential_energy()
        else:
            with pytest.raises(ExtrapolationError, match=r"atoms [01] and [01] are"):
                atoms.get_potential_energy()


def test_elements_that_never_met_in_training(tmp_path, random_potential):
    path = tmp_path / "model.pt"
    export_potential(random_potential(), path, {"closest_approach": {"H-O": 0.9}})
    atoms = pair(3.0, "OO")
    atoms.calc = HIPNNTSCalculator(path, beyond_training="stop")
    with pytest.raises(ExtrapolationError, match=r"closer than in the training data \(4 Å\)"):
        atoms.get_potential_energy()


def test_the_pair_that_is_farthest_below_its_own_limit():
    limits = np.array([[1.0, 2.0], [2.0, 4.0]])
    species, receivers, senders = np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([1, 2, 2])

    def closest(*distances, limits=limits):
        vectors = np.array([[0.0, 0.0, each] for each in distances]).reshape(-1, 3)
        n = len(distances)
        return closest_below(limits, species, receivers[:n], senders[:n], vectors)

    assert closest(1.9, 1.8, 2.5) == (1, 2, 2.5)  # although this distance is the longest
    assert closest(1.7, 1.8, 3.9) == (0, 1, 1.7)
    assert closest(2.0, 2.0, 4.0) is None
    assert closest(2.0, 2.0, 3.99) == (1, 2, 3.99)
    assert closest() is None
    assert closest(0.1, limits=np.zeros((0, 0))) is None


def test_models_of_unknown_training_have_no_limits(random_model):
    assert load_exported(random_model())[1].closest_approach is None
    atoms = pair(0.3)
    atoms.calc = HIPNNTSCalculator(random_model(), beyond_training="stop")
    atoms.get_potential_energy()


def test_what_to_do_is_asked_for_in_known_words(model):
    for make in (
        lambda: HIPNNTSCalculator(model, beyond_training="shout"),
        lambda: create_force(model, [8, 1], periodic=False, beyond_training="shout"),
    ):
        with pytest.raises(InputError, match="beyond_training: expected 'ignore', 'warn' or 'sto"):
            make()


def context(model, atoms, **options):
    system = openmm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    system.addForce(create_force(model, atoms.numbers, periodic=False, **options))
    platform = openmm.Platform.getPlatformByName("Reference")
    return openmm.Context(system, openmm.VerletIntegrator(1e-3), platform)


@pytest.mark.parametrize("flavour", ["model", "portable"])
@pytest.mark.parametrize("implementation", ["torch", "python"])
def test_openmm(request, capfd, flavour, implementation):
    model = request.getfixturevalue(flavour)
    far, near = pair(1.0), pair(0.8)
    made = context(model, far, implementation=implementation)
    for atoms in [far, *[near] * 20]:
        made.setPositions(atoms.positions * LENGTH)
        made.getState(energy=True)
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith("WARNING")]
    assert len(told) == 2
    assert told[0].startswith("WARNING: hipnn-ts: particles ")
    assert "are 0.8 Å apart at evaluation 2 of this force, closer than in the training" in told[0]
    assert "(occasion 10)" in told[1]
    made = context(model, far, implementation=implementation, beyond_training="stop")
    made.setPositions(near.positions * LENGTH)
    with pytest.raises(
        openmm.OpenMMException, match=r"hipnn-ts: particles [01] and [01] are 0.8 Å"
    ):
        made.getState(energy=True)
    made = context(model, far, implementation=implementation, beyond_training="ignore")
    made.setPositions(near.positions * LENGTH)
    made.getState(energy=True)
    assert capfd.readouterr().err.count("WARNING") == 0


def test_openmm_names_the_particle_that_is_not_finite(random_model, portable):
    for model in (random_model(), portable):
        made = context(model, pair(1.0), beyond_training="ignore")
        made.setPositions(pair(1e-200).positions * LENGTH)
        with pytest.raises(openmm.OpenMMException, match="found none for particle 0"):
            made.getState(energy=True)


def test_ase_refuses_what_is_not_finite(random_model):
    atoms = pair(1e-25)  # its square underflows in single precision
    atoms.calc = HIPNNTSCalculator(random_model(torch.float32))
    with pytest.raises(InputError, match=r"found none .*at evaluation 1 of this calculator"):
        atoms.get_potential_energy()


def test_info_says_how_close(model):
    assert (
        "closest_approach:\n  H-O: 0.9\n" in CliRunner().invoke(main, ["info", str(model)]).output
    )
