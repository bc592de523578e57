"""Every example folder with a run.sh runs in a short form."""

import os
import subprocess
import sysconfig
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch

from hipnn_ts.export import export_potential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
# Variables of each run.sh, and the pictures that it must draw.
SHORT = {
    "water": ({"MINUTES": 0.03, "STEPS": 20}, ["errors/parity.png"]),
    "water_density": ({"CELLS": 3, "WARM": 5, "STEPS": 200}, ["water.png"]),
    "alanine_dipeptide": (
        {"FRAMES": 1, "MINUTES": 0.03, "STEPS": 200, "HEATING": 100},
        ["vacuum.png"],
    ),
    "ml_mm": ({"STEPS": 20, "PADDING": 0.7, "CUTOFF": 0.7}, ["water.png"]),
    "copper": ({"FRAMES": 2, "MINUTES": 0.03, "CELLS": 3, "STEPS": 100}, ["copper.png"]),
    "learning": (
        {"ROUNDS": 1, "TRAINING": 10, "LABELS": 6, "STEPS": 30, "MEMBERS": 2},
        ["errors/parity.png"],
    ),
}


@pytest.fixture(scope="session")
def weak_model(tmp_path_factory):
    """File of a random model whose forces are so small that molecules stay together."""
    torch.manual_seed(1)
    network = NetworkConfig(
        elements=("H", "C", "N", "O"), n_features=(8, 8), n_atom_layers=1, n_sensitivities=8
    )
    potential = Potential(network)
    with torch.no_grad():
        for readout in potential.readouts:
            readout.weight *= 0.01
    path = tmp_path_factory.mktemp("weak") / "model.pt"
    export_potential(potential, path, {})
    return path


def test_every_folder_is_here():
    assert {path.parent.name for path in EXAMPLES.glob("*/run.sh")} == set(SHORT)


@pytest.mark.parametrize("name", SHORT)
def test_example(name, tmp_path, weak_model):
    variables, pictures = SHORT[name]
    programs = sysconfig.get_path("scripts")
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "OUT": str(tmp_path),
        **{key: str(value) for key, value in variables.items()},
    }
    if name in ("water_density", "ml_mm"):
        environment["MODEL"] = str(weak_model)
    run = subprocess.run(
        [EXAMPLES / name / "run.sh"], env=environment, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    for picture in pictures:
        pixels = matplotlib.image.imread(tmp_path / picture)[..., :3]
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10
    readme = (EXAMPLES / name / "README.md").read_text()
    assert "./run.sh" in readme and "Expected:" in readme


def test_one_round_of_learning_by_hand(tmp_path):
    variables = {"OUT": str(tmp_path), "EPOCHS": "2", "LABELS": "6", "STEPS": "50", "MEMBERS": "2"}
    programs = sysconfig.get_path("scripts")
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        [EXAMPLES / "learning" / "by_hand.sh"],
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    assert (tmp_path / "by_hand" / "second.pt").is_file()
