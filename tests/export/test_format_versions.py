"""Files that earlier versions wrote still compute what they computed then."""

import json

import numpy as np
import pytest
from ase.build import molecule
from documents import FORMATS

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import FORMAT_VERSION as CHECKPOINT_VERSION
from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.export import export_potential
from hipnn_ts.export.metadata import FORMAT_VERSION


def water(model):
    atoms = molecule("H2O")
    atoms.calc = HIPNNTSCalculator(model)
    return atoms.get_potential_energy(), atoms.get_forces()


def test_the_current_format_has_its_example():
    """A new format number needs tools/make_format_fixture.py once."""
    known = {int(folder.name) for folder in FORMATS.iterdir()}
    assert known == set(range(1, max(FORMAT_VERSION, CHECKPOINT_VERSION) + 1))


@pytest.mark.parametrize("folder", sorted(FORMATS.iterdir()), ids=lambda folder: folder.name)
def test_files_of_every_format(folder, tmp_path):
    expected = json.loads((folder / "water.json").read_text())
    potential, provenance = load_checkpoint(folder / "potential.ckpt")
    export_potential(potential, tmp_path / "model.pt", provenance)
    for model in (folder / "fused.pt", folder / "portable.pt", tmp_path / "model.pt"):
        energy, forces = water(model)
        assert energy == pytest.approx(expected["energy"], rel=1e-12)
        np.testing.assert_allclose(forces, expected["forces"], rtol=0, atol=1e-10)
