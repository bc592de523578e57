"""Configuration and frames of a small active-learning loop on water with GFN2-xTB."""

import copy
import os
from pathlib import Path

import pytest
import yaml
from ase.build import molecule

HERE = Path(__file__).parent

CONTENT = {
    "structures": "water.xyz",
    "reference": {"calculator": "counted.Counted", "time_limit": 100},
    "first": {"labels": 10},
    "sampling": {
        "temperatures": [300, 600],
        "walkers": 2,
        "steps": 120,
        "interval": 5,
        "low": 0.01,
        "stop": 0.6,
    },
    "rounds": {"most": 1, "labels": 10},
    "committee": {"members": 2, "steps": 120},
    "jobs": {"workers": 1},
    "network": {
        "n_features": [8],
        "n_atom_layers": 1,
        "n_sensitivities": 8,
        "cutoff": 4.0,
        "soft_max": 3.5,
    },
    "training": {"batch_size": 4, "learning_rate": 0.01, "checkpoint_minutes": 0.02},
}


@pytest.fixture(scope="session", autouse=True)
def counted_in_child_processes():
    """Let child processes import ``counted`` by its name."""
    before = os.environ.get("PYTHONPATH", "")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE), before])
    yield
    os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="session")
def write_config():
    """Function that writes learn.yaml into a folder, with some sections changed."""

    def write(folder, **changed):
        content = copy.deepcopy(CONTENT)
        content["reference"]["arguments"] = {"log": str(folder / "evaluations")}
        for section, values in changed.items():
            if isinstance(values, dict) and section in content:
                content[section].update(values)
            else:
                content[section] = values
        folder.mkdir(exist_ok=True)
        molecule("H2O").write(folder / "water.xyz")
        (folder / "learn.yaml").write_text(yaml.safe_dump(content))
        return folder / "learn.yaml"

    return write


@pytest.fixture
def frames_to_label():
    """Function that makes a round's folder with n waters; their first coordinate is their index."""
    from hipnn_ts.frames import write_frames
    from hipnn_ts.learning.folder import FRAMES

    def make(folder, n):
        frames = []
        for index in range(n):
            atoms = molecule("H2O")
            atoms.translate([index - atoms.positions[0, 0], 0, 0])
            atoms.info["use"] = "train"
            frames.append(atoms)
        folder.mkdir()
        write_frames(folder / FRAMES, frames)
        return folder

    return make
