"""The project's own reference data is complete and as its README describes it."""

from pathlib import Path

import numpy as np
import pytest

from hipnn_ts.data import read_frames
from hipnn_ts.training.config import read_config

EXAMPLES = Path(__file__).parents[2] / "examples"
SETS = {name: EXAMPLES / "reference_data" / f"{name}.extxyz.xz" for name in ("molecules", "water")}


def test_counts_and_labels():
    molecules, water = (read_frames(path) for path in SETS.values())
    assert (len(molecules), len(water)) == (912, 178)
    assert all("stress" in frame.calc.results and frame.pbc.all() for frame in water)
    for frame in molecules + water:
        assert {"config_type", "trajectory"} <= set(frame.info)
        assert np.abs(frame.get_forces()).max() <= 15
        assert np.abs(frame.get_forces().sum(axis=0)).max() < 2e-3


@pytest.mark.parametrize("index", [0, 333, 911])
def test_labels_are_those_of_the_method_named(index):
    tblite = pytest.importorskip("tblite.ase")
    frame = read_frames(SETS["molecules"])[index]
    again = frame.copy()
    again.calc = tblite.TBLite(method="GFN2-xTB", verbosity=0)
    assert again.get_potential_energy() == pytest.approx(frame.get_potential_energy(), abs=1e-5)
    assert again.get_forces() == pytest.approx(frame.get_forces(), abs=1e-4)


def test_the_example_configuration_finds_its_data():
    config = read_config(EXAMPLES / "water" / "train.yaml")
    assert config.data.train == (SETS["water"],)
    assert config.training.max_minutes == 1.5
