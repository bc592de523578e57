"""Any number and arrangement of ranks gives the same results as plain torch for the whole box."""

import numpy as np
import pytest
import torch
from ase.build import molecule
from lammps_run import assert_same, evaluate, hipnn, lmp, read_evaluation, reference, set_up

from hipnn_ts.ase import HIPNNTSCalculator

pytestmark = pytest.mark.slow

# The box is 12.4 Å wide and the cutoff 4 Å: in a row of eight, ranks see beyond their neighbours.
ARCHITECTURE = {"n_features": (7, 5)}
# LAMMPS chooses the arrangement; eight ranks form a row, plates and a cube, which between them have
# one, two and four ranks in each direction.
GRIDS = {ranks: ["* * *"] for ranks in (1, 2, 3, 4)}
GRIDS[8] = ["8 1 1", "1 4 2", "2 1 4", "2 2 2"]
PRECISIONS = {"double": torch.float64, "single": torch.float32}


@pytest.fixture(scope="module", params=GRIDS)
def evaluations(request, tmp_path_factory, water, random_model):
    """Map of grid and precision to the dtype and the evaluation, all from one run."""
    folder = tmp_path_factory.mktemp("ranks")
    script, cases = "", {}
    for number, grid in enumerate(GRIDS[request.param]):
        for precision, dtype in PRECISIONS.items():
            if number and precision == "single":
                continue  # one arrangement in single precision is enough
            name = f"{precision}-{number}"
            cases[name] = dtype
            model = random_model(dtype, **ARCHITECTURE)
            script += set_up(folder, name, water(4), hipnn(model), extra=f"processors {grid}")
            script += evaluate(name)
    run = lmp(folder, script, request.param)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    return {name: (dtype, read_evaluation(folder, name)) for name, dtype in cases.items()}


def test_agrees_with_plain_torch(evaluations, water, random_potential):
    expected = reference(random_potential(**ARCHITECTURE), water(4))
    for dtype, found in evaluations.values():
        assert_same(found, expected, 1e-9 if dtype == torch.float64 else 1e-5)


def test_energies_of_atoms_are_those_in_ase(evaluations, water, random_model):
    atoms = water(4)
    for dtype, found in evaluations.values():
        atoms.calc = HIPNNTSCalculator(random_model(dtype, **ARCHITECTURE))
        tolerance = 1e-9 if dtype == torch.float64 else 1e-5
        np.testing.assert_allclose(
            found.atom_energies, atoms.get_potential_energies(), rtol=0, atol=tolerance
        )


def test_shares_of_atoms_sum_to_the_whole(evaluations):
    for _, found in evaluations.values():
        assert found.atom_energies.sum() == pytest.approx(found.energy, rel=1e-12)
        scale = np.abs(found.atom_virials).sum()
        np.testing.assert_allclose(
            found.atom_virials.sum(axis=0), found.virial, rtol=0, atol=1e-11 * scale
        )


def test_momentum_is_conserved(evaluations):
    """Forces sum to zero within double precision, even in float32 models: pair forces cancel."""
    for _, found in evaluations.values():
        assert np.abs(found.forces.sum(axis=0)).max() < 1e-11 * np.abs(found.forces).sum()


@pytest.mark.parametrize(("ranks", "edge", "told"), [(1, 4, False), (2, 4, True), (2, 13, False)])
def test_the_log_says_what_ghosts_cost(tmp_path, random_model, ranks, edge, told):
    """In a small box all atoms of one rank are ghosts of the other; in a long box they are not."""
    atoms = molecule("H2O", vacuum=1.55, pbc=True).repeat((edge, 4, 4))
    script = set_up(tmp_path, "box", atoms, hipnn(random_model(**ARCHITECTURE)))
    run = lmp(tmp_path, script + evaluate("box"), ranks)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    assert ("ranks also do part of the network for atoms of other ranks" in run.stdout) == told
