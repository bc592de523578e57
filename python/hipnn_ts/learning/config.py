"""The configuration of `hipnn-ts learn`: a YAML file, read and checked."""

import math
from pathlib import Path
from typing import Any

from hipnn_ts.errors import InputError
from hipnn_ts.learning.sections import LearnConfig
from hipnn_ts.validation import read_mapping, validated

# What may change between calls: where the work is done, and when the loop ends.
_FREE = {"jobs": True, "rounds": {"most", "forces_rmse", "deviation"}}


def read_learn_config(path: str | Path, overrides: tuple[str, ...] = ()) -> LearnConfig:
    """Read and validate a YAML file; relative files start at its folder.

    Parameters
    ----------
    path : path of the YAML file
    overrides : ``section.key=value``, the value in YAML; they take precedence over the file

    Raises
    ------
    InputError
        The file cannot be read, or a key is unknown, missing or has an unusable value.
    """
    path = Path(path)
    content = read_mapping(path, overrides)
    config = validated(LearnConfig, content, str(path))
    folder = path.parent.resolve()
    check_training(config, str(path), folder)
    jobs = config.jobs
    if jobs.parsl is not None:
        jobs = jobs.model_copy(update={"parsl": folder / jobs.parsl})
    structures = tuple(folder / file for file in config.structures)
    training = dict(config.training)
    if training.get("start_from") is not None:
        training["start_from"] = str((folder / training["start_from"]).resolve())
    return config.model_copy(update={"structures": structures, "jobs": jobs, "training": training})


def check_training(config: LearnConfig, name: str, folder: Path) -> None:
    """Raise InputError if `hipnn-ts train` would refuse the sections network and training."""
    from hipnn_ts.training.config import parse_config

    if "seed" in config.training:
        raise InputError(
            f"{name}: training.seed: expected none, because each member has its own seed, found "
            f"{config.training['seed']!r}; give 'seed'"
        )
    try:
        training = training_of(config, 1)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    content = {"network": config.network, "training": training, "data": {"train": "labels"}}
    parse_config(content, name, folder)


def training_of(config: LearnConfig, n_labels: int) -> dict[str, Any]:
    """The section training for a number of labels to train on, with ``committee.steps`` as epochs.

    Raises
    ------
    InputError
        Both are given, or there is no batch size.
    """
    training, steps = config.training, config.committee.steps
    if steps is None:
        return dict(training)
    if "epochs" in training or not isinstance(training.get("batch_size"), int):
        raise InputError(
            "committee.steps: expected training.batch_size and no training.epochs beside it, found "
            f"{training}"
        )
    batches = -(-n_labels // max(1, training["batch_size"]))
    return training | {"epochs": max(1, round(steps / batches))}


def identity_of(config: LearnConfig) -> dict[str, Any]:
    """What must stay the same when a run continues: neither free keys nor folders."""
    fixed = config.model_dump(mode="json", exclude=_FREE)
    return fixed | {"structures": [Path(file).name for file in fixed["structures"]]}


def held_back_of(n: int, share: float) -> int:
    """How many of n labels are held back: at least one if at least one remains for training."""
    return 0 if n < 2 else min(max(1, math.floor(share * n + 0.5)), n - 1)
