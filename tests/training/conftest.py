"""A part of the reference data, and a short training run on it."""

import lzma
from pathlib import Path

import pytest

from hipnn_ts.training import fit
from hipnn_ts.training.config import parse_config
from hipnn_ts.training.fit import train

REFERENCE = Path(__file__).parents[2] / "examples" / "reference_data"
# Every group has several trajectories, so that it can be split by fractions.
FEW_ATOMS = ("H2O_", "NH3_", "CH4_")


@pytest.fixture(scope="session")
def small_molecules(tmp_path_factory):
    """File with the reference frames of water, ammonia and methane."""
    with lzma.open(REFERENCE / "molecules.extxyz.xz", "rt") as file:
        lines = file.read().splitlines(keepends=True)
    kept, start = [], 0
    while start < len(lines):
        end = start + 2 + int(lines[start])
        if any(f"config_type={name}" in lines[start + 1] for name in FEW_ATOMS):
            kept += lines[start:end]
        start = end
    path = tmp_path_factory.mktemp("data") / "small.extxyz"
    path.write_text("".join(kept))
    return path


@pytest.fixture(scope="session")
def settings(small_molecules):
    """Function that configures a short run; arguments override the training section."""

    def make(**training):
        content = {
            "network": {
                "n_features": [12],
                "n_atom_layers": 1,
                # A few broad sensitivities learn faster from little data.
                "n_sensitivities": 8,
                "cutoff": 5.0,
                "soft_max": 4.0,
            },
            "data": {"train": str(small_molecules), "validation": 0.2, "seed": 1},
            "training": {"epochs": 30, "batch_size": 4, "learning_rate": 0.01} | training,
        }
        return parse_config(content, "run.yaml")

    return make


@pytest.fixture(scope="session")
def finished(settings, tmp_path_factory):
    """Output directory of a finished short run."""
    output = tmp_path_factory.mktemp("run") / "out"
    train(settings(), output)
    return output


class KilledError(Exception):
    pass


@pytest.fixture
def train_until_killed(monkeypatch):
    """Function that trains into a folder and dies after the given number of steps."""

    def run(config, folder, n_steps):
        original, seen = fit.KeepState.after_step, []

        def dies(self, *arguments):
            original(self, *arguments)
            seen.append(1)
            if len(seen) == n_steps:
                raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(fit.KeepState, "after_step", dies)
            with pytest.raises(KilledError):
                train(config, folder)

    return run
