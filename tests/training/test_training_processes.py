"""Two processes that share each batch train the same model as one process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.training.fit import train

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent


def test_two_processes_train_as_one(settings, tmp_path):
    # 144 configurations in batches of 13: the last batch holds one, which leaves a process idle.
    config = settings(epochs=2, batch_size=13, precision="float64", ema_decay=0.9)
    config = config.model_copy(update={"network": config.network | {"n_features": [8, 8]}})
    train(config, tmp_path / "one")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(config.model_dump(mode="json")))
    command = [BIN / "torchrun", "--standalone", "--nproc-per-node", "2", "--no-python"]
    command += [BIN / "hipnn-ts", "train", "run.yaml", "-o", "two"]
    finished = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("lowest validation loss") == 1  # only one process prints
    one, two = (load_checkpoint(tmp_path / name / "best.ckpt") for name in ("one", "two"))
    for key, value in one[0].state_dict().items():
        # Sums in another order differ by rounding, over 24 steps.
        assert torch.allclose(two[0].state_dict()[key], value, rtol=1e-7, atol=1e-9), key
    for name, value in one[1]["validation_errors"].items():
        assert abs(two[1]["validation_errors"][name] - value) < 1e-6 * value, name
