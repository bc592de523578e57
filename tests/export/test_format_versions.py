"""Files written by earlier versions still give the same results."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase.build import molecule
from documents import FORMATS

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import FORMAT_VERSION as CHECKPOINT_VERSION
from hipnn_ts.checkpoint import load_checkpoint, read_checkpoint
from hipnn_ts.export import export_potential
from hipnn_ts.export.metadata import COMMITTEE_VERSION, FORMAT_VERSION, UNCERTAINTY_VERSION

COMMITTEES = Path(__file__).parents[1] / "committee" / "formats"
UNCERTAINTIES = Path(__file__).parents[1] / "uncertainty" / "formats"


def water(model):
    atoms = molecule("H2O")
    atoms.calc = HIPNNTSCalculator(model)
    return atoms.get_potential_energy(), atoms.get_forces()


def test_the_current_format_has_its_example():
    """Every format has an example; for a new one, run tools/make_format_fixture.py once."""
    known = {int(folder.name) for folder in FORMATS.iterdir()}
    assert known == set(range(1, max(FORMAT_VERSION, CHECKPOINT_VERSION) + 1))
    assert [folder.name for folder in COMMITTEES.iterdir()] == [str(COMMITTEE_VERSION)]
    assert [folder.name for folder in UNCERTAINTIES.iterdir()] == [str(UNCERTAINTY_VERSION)]


@pytest.mark.parametrize("folder", sorted(COMMITTEES.iterdir()), ids=lambda folder: folder.name)
def test_committees_of_every_format(folder):
    expected = json.loads((folder / "water.json").read_text())
    atoms = molecule("H2O")
    atoms.calc = HIPNNTSCalculator(folder / "fused.pt")
    atoms.get_potential_energy()
    assert expected["forces_std"][0] > 1e-3
    for name, value in expected.items():
        np.testing.assert_allclose(atoms.calc.results[name], value, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("folder", sorted(UNCERTAINTIES.iterdir()), ids=lambda folder: folder.name)
def test_uncertainties_of_every_format(folder, tmp_path):
    expected = json.loads((folder / "water.json").read_text())
    potential, provenance, own = read_checkpoint(folder / "potential.ckpt")
    export_potential(potential, tmp_path / "model.pt", provenance, uncertainty=own)
    for model in (folder / "fused.pt", tmp_path / "model.pt"):
        atoms = molecule("H2O")
        atoms.calc = HIPNNTSCalculator(model)
        atoms.get_potential_energy()
        for name, value in expected.items():
            np.testing.assert_allclose(atoms.calc.results[name], value, rtol=1e-12, atol=1e-10)


@pytest.mark.parametrize("folder", sorted(FORMATS.iterdir()), ids=lambda folder: folder.name)
def test_files_of_every_format(folder, tmp_path):
    expected = json.loads((folder / "water.json").read_text())
    potential, provenance = load_checkpoint(folder / "potential.ckpt")
    export_potential(potential, tmp_path / "model.pt", provenance)
    for model in (folder / "fused.pt", folder / "portable.pt", tmp_path / "model.pt"):
        energy, forces = water(model)
        assert energy == pytest.approx(expected["energy"], rel=1e-12)
        np.testing.assert_allclose(forces, expected["forces"], rtol=0, atol=1e-10)
