"""A killed and resumed run ends with the same model, bit for bit, as an uninterrupted one."""

import csv
import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from comparing import smallest

from hipnn_ts.archives import load_tensors
from hipnn_ts.checkpoint import load_checkpoint, save_checkpoint, write_whole
from hipnn_ts.errors import InputError
from hipnn_ts.training import fit
from hipnn_ts.training.config import parse_config
from hipnn_ts.training.fit import train

pytestmark = pytest.mark.slow

PROGRAM = Path(sys.executable).with_name("hipnn-ts")
ROOTS = {"rmse": 1.0, "mae": 1.0, "mse": 0.0, "hierarchicality": 1e-3}
# All state that a run must restore: averages, plateaus, changing loss weights, the best epoch.
EVERYTHING = {
    "seed": 6,
    "epochs": 9,
    "batch_size": 16,
    "ema_decay": 0.5,
    "schedule": {"kind": "patience", "patience": 1, "max_batch_size": 32},
    "loss": {"energy": 5.0, **ROOTS},
    "second_stage": {"start": 0.5, "loss": {"energy": 50.0, **ROOTS}},
    "gradient_clipping": 10.0,
    "self_energies": "trained",
    "learning_rate": 0.2,  # so high that the loss reaches plateaus
    "checkpoint_minutes": 0,
}


def everything(settings):
    """Return the configuration, with norms as invariants, which reach plateaus at this rate."""
    config = settings(**EVERYTHING)
    return config.model_copy(update={"network": config.network | {"invariants": "norms"}})


def tensors(content, path=""):
    """Yield every tensor and number in nested containers, with its path."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from tensors(value, f"{path}/{key}")
    elif isinstance(content, list | tuple):
        for index, value in enumerate(content):
            yield from tensors(value, f"{path}/{index}")
    elif not path.endswith("/minutes"):
        yield path, content


def assert_same_state(first, second):
    """Check that the last checkpoints agree in weights, optimiser, averages and counters."""
    first, second = (
        dict(tensors(torch.load(folder / fit.STATE, weights_only=True)))
        for folder in (first, second)
    )
    for part in ("optimizer", "average"):
        assert any(key.startswith(f"/loop/{part}") for key in first)
    assert first.keys() == second.keys()
    for key in first:
        a, b = first[key], second[key]
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, key


def assert_same_model(first, second):
    a, b = (load_checkpoint(folder / fit.CHECKPOINT) for folder in (first, second))
    for key, value in a[0].state_dict().items():
        assert torch.equal(value, b[0].state_dict()[key]), key
    assert a[1]["epoch"] == b[1]["epoch"]
    assert a[1]["validation_errors"] == b[1]["validation_errors"]


@pytest.fixture(scope="module")
def uninterrupted(settings, tmp_path_factory):
    output = tmp_path_factory.mktemp("whole")
    train(everything(settings), output)
    with (output / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    # The run has state to lose: a larger batch, a lower rate, a best epoch before the last.
    assert {row["batch_size"] for row in rows} == {"16", "32"}
    assert len({row["learning_rate"] for row in rows}) > 1
    losses = [float(row["validation_loss"]) for row in rows]
    assert losses.index(smallest(losses)) < len(losses) - 1
    return output


@pytest.mark.parametrize("step", [1, 8, 9, 10, 38, 55])
def test_a_run_goes_on_from_any_step(settings, tmp_path, train_until_killed, uninterrupted, step):
    """Runs die within an epoch of 9 steps, at its end, after it, and in later, shorter epochs."""
    config = everything(settings)
    train_until_killed(config, tmp_path, step)
    train(config, tmp_path, resume=True)
    assert_same_model(tmp_path, uninterrupted)
    assert_same_state(tmp_path, uninterrupted)
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(9))


@pytest.mark.parametrize("choice", [{"resume": True}, {"overwrite": True}, {}])
def test_a_directory_where_a_run_is_training_is_refused(settings, tmp_path, choice):
    config, refusals = settings(epochs=2, checkpoint_minutes=0), []

    def train_there_too(line):
        if not refusals:
            with pytest.raises(InputError, match="found one where a run is training now"):
                train(config, tmp_path, **choice)
            refusals.append(line)

    train(config, tmp_path, tell=train_there_too)
    assert refusals
    train(config, tmp_path, overwrite=True)  # the finished run left no lock


def test_a_run_killed_at_random_moments_ends_alike(settings, tmp_path, uninterrupted):
    content = everything(settings).model_dump(mode="json")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(content))
    command = [PROGRAM, "train", "run.yaml", "-o", "out", "--resume"]
    output, moments = tmp_path / "out", random.Random(time.time_ns())
    kills = 0
    while kills < 2:
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        before = stamp(output / fit.STATE)
        deadline = time.monotonic() + 60
        while stamp(output / fit.STATE) == before and process.poll() is None:
            assert time.monotonic() < deadline, "no checkpoint within a minute"
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.1))
        process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            break  # the run finished before the kill
        kills += 1
    assert kills > 0
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stderr
    assert_same_model(output, uninterrupted)
    assert_same_state(output, uninterrupted)
    done = stamp(output / fit.STATE)
    train(everything(settings), output, resume=True)
    assert stamp(output / fit.STATE) == done  # nothing left to do


def stamp(path):
    return os.stat(path).st_mtime_ns if path.exists() else None


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, random_potential):
    path = tmp_path / "best.ckpt"
    save_checkpoint(path, random_potential(), {"run": 1})
    old = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(old) // 2, limits[1]))
        with pytest.raises(InputError, match=r"best\.ckpt: cannot be written: File too large"):
            save_checkpoint(path, random_potential(), {"run": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == old
    assert [file.name for file in tmp_path.iterdir()] == ["best.ckpt"]


def test_a_state_of_another_format_is_refused(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "STATE_FORMAT", fit.STATE_FORMAT - 1)
    train(settings(epochs=1), tmp_path)
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"last\.ckpt: the run to resume differs: format was"):
        train(settings(epochs=1), tmp_path, resume=True)


def test_a_run_from_before_a_key_existed_goes_on(settings, tmp_path):
    train(settings(epochs=1), tmp_path)
    state = load_tensors(tmp_path / fit.STATE)
    config = state["run"]["config"]
    del config["data"]["distilled"], config["training"]["weight_decay"]
    del config["training"]["loss"]["late_energy"]
    write_whole(tmp_path / fit.STATE, state)
    before = (tmp_path / "best.ckpt").read_bytes()
    train(settings(epochs=1), tmp_path, resume=True)
    assert (tmp_path / "best.ckpt").read_bytes() == before
    with pytest.raises(InputError, match=r"training\.weight_decay was 0\.0 and is now 0\.1"):
        train(settings(epochs=1, weight_decay=0.1), tmp_path, resume=True)


def test_only_the_same_run_is_resumed(settings, tmp_path):
    train(settings(epochs=1), tmp_path)
    with pytest.raises(InputError, match=r"config\.training\.epochs was 1 and is now 2"):
        train(settings(epochs=2), tmp_path, resume=True)
    config = settings(epochs=1).model_dump(mode="json")
    source = Path(config["data"]["train"][0])
    other = tmp_path / source.name
    other.write_bytes(source.read_bytes() + source.read_bytes())
    config["data"]["train"] = [str(other)]
    with pytest.raises(InputError, match="the run to resume differs: data was"):
        train(parse_config(config, "run.yaml"), tmp_path, resume=True)
    (tmp_path / fit.STATE).write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"last\.ckpt: expected the state of an interrupted run"):
        train(settings(epochs=1), tmp_path, resume=True)
