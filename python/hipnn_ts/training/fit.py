"""Training from configuration to checkpoint."""

import hashlib
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import yaml
from ase import Atoms
from ase.data import chemical_symbols
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader

from hipnn_ts.data.batch import collate
from hipnn_ts.data.dataset import ReferenceDataset, composition
from hipnn_ts.data.self_energies import fit_self_energies
from hipnn_ts.data.split import NamedFrames, read_named, split
from hipnn_ts.errors import InputError
from hipnn_ts.files import replacing
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.budget import Budget
from hipnn_ts.training.callbacks import EpochLog, KeepBest, ProgressBar, StopOnBudget
from hipnn_ts.training.config import DataConfig, RunConfig, network_config
from hipnn_ts.training.errors import UNITS
from hipnn_ts.training.module import TrainingModule

CHECKPOINT = "best.ckpt"
LOG = "metrics.csv"
CONFIG = "config.yaml"


def train(
    config: RunConfig,
    output_directory: str | Path,
    fused: bool = True,
    overwrite: bool = False,
    progress_bar: bool = False,
) -> Path:
    """Train a potential; return the checkpoint with the lowest validation loss.

    Beside ``best.ckpt`` the directory (made if need be) holds ``metrics.csv``, one row per epoch,
    and ``config.yaml``, the configuration with every default filled in. The same configuration
    gives the same weights again on the same machine's CPU, if ``epochs`` alone ends the run.

    Parameters
    ----------
    config : RunConfig
    output_directory : path
    fused : with this package's operators; without, in plain torch (slower)
    overwrite : replace the result of an earlier run
    progress_bar : show one on standard error

    Raises
    ------
    InputError
        Data that cannot be used, elements that the configuration does not name, an output
        directory that cannot be written or holds a run, training that diverges.
    """
    output, settings = Path(output_directory), config.training
    if (output / CHECKPOINT).exists() and not overwrite:
        raise InputError(
            f"{output}: expected a new directory, found the result of an earlier run "
            f"({CHECKPOINT}); choose another or ask to overwrite"
        )
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "training.device: expected a GPU for 'cuda', found none that torch can use"
        )
    data = load_data(config.data)
    network = network_config(config, _elements(data[0].frames))
    dtype = getattr(torch, settings.precision)
    training, validation = (
        ReferenceDataset(part.frames, network.elements, network.cutoff, dtype, part.names)
        for part in data
    )
    _clear(output)
    resolved = config.model_dump(mode="json") | {"network": network.model_dump(mode="json")}
    with replacing(output / CONFIG) as temporary:
        temporary.write_text(yaml.safe_dump(resolved, sort_keys=False, allow_unicode=True))
    origin = {
        "config": _without_folders(resolved),
        "data": _checksums(config.data),
        "frames": {"train": len(training), "validation": len(validation)},
        "error_units": UNITS,
        "versions": {name: version(name) for name in ("hipnn-ts", "torch", "lightning")},
    }
    with torch.random.fork_rng(devices=[]), _quiet_lightning():
        torch.manual_seed(settings.seed)
        potential = Potential(network, fused).to(dtype)
        counts = composition(data[0].frames, network.elements)
        energies = [sample.energy for sample in training]
        potential.self_energies.copy_(torch.from_numpy(fit_self_energies(counts, energies)))
        order = torch.Generator().manual_seed(settings.seed)
        training_batches, validation_batches = (
            DataLoader(
                part, settings.batch_size, shuffle=shuffle, collate_fn=collate, generator=order
            )
            for part, shuffle in ((training, True), (validation, False))
        )
        n_steps = settings.epochs and settings.epochs * len(training_batches)
        module = TrainingModule(potential, settings, Budget(n_steps, settings.max_minutes))
        callbacks = [StopOnBudget(), KeepBest(output / CHECKPOINT, origin), EpochLog()]
        Trainer(
            accelerator="gpu" if settings.device == "cuda" else "cpu",
            devices=1,
            max_epochs=settings.epochs or -1,
            gradient_clip_val=settings.gradient_clipping,
            logger=CSVLogger(output, name="", version=""),
            callbacks=[*callbacks, ProgressBar()] if progress_bar else callbacks,
            enable_progress_bar=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            inference_mode=False,
        ).fit(module, training_batches, validation_batches)
    return output / CHECKPOINT


def load_data(config: DataConfig) -> tuple[NamedFrames, NamedFrames]:
    """Training and validation frames, from files or held back. Raises InputError."""
    data = read_named(config.train)
    if isinstance(config.validation, float):
        return split(data, config.validation, config.group_by, config.seed)
    return data, read_named(config.validation)


def _elements(frames: list[Atoms]) -> list[str]:
    """In order of atomic number."""
    return [chemical_symbols[z] for z in sorted({z for frame in frames for z in frame.numbers})]


def _clear(output: Path) -> None:
    """Make the directory, without what an earlier run left."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        (output / LOG).unlink(missing_ok=True)
        (output / CHECKPOINT).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}") from error


def _without_folders(resolved: dict[str, Any]) -> dict[str, Any]:
    """The checkpoint is passed on: names of files, not the folders of this machine."""
    files = {
        key: [Path(file).name for file in value]
        for key, value in resolved["data"].items()
        if isinstance(value, list)
    }
    return resolved | {"data": resolved["data"] | files}


def _checksums(data: DataConfig) -> list[dict[str, str]]:
    """Name and SHA-256 of each file: enough to recognise it on another machine."""
    groups = {"train": data.train}
    if not isinstance(data.validation, float):
        groups["validation"] = data.validation
    return [
        {"use": use, "file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        for use, files in groups.items()
        for file in files
    ]


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Without banners and advice that a user of ours cannot follow."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
