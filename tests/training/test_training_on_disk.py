"""Training from frames on disk gives the same model in little memory and leaves no files."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from test_training_resume import assert_same_model

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.errors import InputError
from hipnn_ts.training import fit
from hipnn_ts.training.fit import train
from hipnn_ts.training.prepare import prepare

pytestmark = pytest.mark.slow

MEMORY = Path(__file__).with_name("memory.py")


@pytest.fixture
def both(settings):
    """Function that returns a short run's configuration with frames in memory, and with them on
    disk; keyword arguments change its data section."""

    def make(training=None, **data):
        config = settings(**{"epochs": 2} | (training or {}))
        return [
            config.model_copy(
                update={"data": config.data.model_copy(update={**data, "in_memory": in_memory})}
            )
            for in_memory in (True, False)
        ]

    return make


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Folder that training uses for temporary files."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_model_is_the_same_bit_for_bit(both, small_molecules, tmp_path):
    cases = {
        "share": (2, {}),  # frames are read in another order in the second epoch
        "groups": (1, {"group_by": "trajectory", "config_type_weights": {"CH4_300K": 0.5}}),
        "files": (1, {"train": (small_molecules,) * 2, "validation": (small_molecules,)}),
    }
    for name, (epochs, data) in cases.items():
        said = {}
        for config in both({"epochs": epochs}, **data):
            folder = tmp_path / name / str(config.data.in_memory)
            said[folder] = []
            train(config, folder, tell=said[folder].append)
        first, second = said
        assert_same_model(first, second)
        assert said[first] == said[second]
        a, b = (load_checkpoint(folder / fit.CHECKPOINT)[1] for folder in said)
        for key in ("frames", "data", "closest_approach"):
            assert a[key] == b[key]


def test_a_killed_run_goes_on(both, tmp_path, train_until_killed):
    in_memory, on_disk = both({"checkpoint_minutes": 0})
    train(in_memory, tmp_path / "whole")
    train_until_killed(on_disk, tmp_path / "killed", 50)
    train(on_disk, tmp_path / "killed", resume=True)
    assert_same_model(tmp_path / "killed", tmp_path / "whole")


def test_pairs_are_kept_where_frames_are(both):
    in_memory, on_disk = (prepare(config).training for config in both())
    assert in_memory[0] is in_memory[0]
    assert on_disk[0] is not on_disk[0]


def test_the_temporary_files_are_gone_after_training(both, scratch, tmp_path, open_files):
    def look(_):
        assert open_files(scratch)
        assert not list(scratch.iterdir())  # unlinked, so nothing remains after a kill

    _, on_disk = both({"epochs": 1})
    train(on_disk, tmp_path / "out", tell=look)
    assert not open_files(scratch)
    _, diverging = both({"epochs": 20, "learning_rate": 1e12})
    with pytest.raises(InputError, match="no longer finite"):
        train(diverging, tmp_path / "diverging", tell=look)
    assert not open_files(scratch)


def test_the_temporary_files_are_gone_after_a_mistake(
    both, small_molecules, scratch, tmp_path, open_files
):
    damaged = tmp_path / "damaged.xyz"
    damaged.write_text(small_molecules.read_text() + "2\n")
    for data, message in (
        (
            {"train": (damaged,)},
            "damaged.xyz: frame 180 .line 1081.: expected 2 atoms, found the end",
        ),
        ({"group_by": "run"}, "expected an entry 'run' to group by"),
    ):
        with pytest.raises(InputError, match=message):
            train(both(**data)[1], tmp_path / "out")
        assert not open_files(scratch)
        assert not list(scratch.iterdir())


def test_memory_does_not_grow_with_the_frames(tmp_path):
    def bytes_per_frame(in_memory, n_frames):
        command = [sys.executable, MEMORY, tmp_path, str(in_memory), str(n_frames)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return float(done.stdout)

    assert bytes_per_frame(True, 500) > 4000
    assert bytes_per_frame(False, 4000) < 400
