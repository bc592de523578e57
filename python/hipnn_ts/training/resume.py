"""Checkpoints of a run that goes on: written whole or not at all, read without pickled code."""

import time
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.io import CheckpointIO

from hipnn_ts.archives import load_tensors
from hipnn_ts.checkpoint import write_whole
from hipnn_ts.errors import InputError
from hipnn_ts.training.module import TrainingModule
from hipnn_ts.validation import first_difference


class WholeFiles(CheckpointIO):
    """How Lightning reads and writes its checkpoints."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """An older file stays until the new one is complete."""
        write_whole(path, checkpoint)

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        """Tensors and plain values only."""
        return load_tensors(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete the file."""
        Path(path).unlink(missing_ok=True)


class KeepState(Checkpoint):
    """Writes the state of the run after a step, whenever ``minutes`` have passed, and at its end.

    ``identity`` is what a run must have in common with the one it continues.
    """

    def __init__(self, path: Path, minutes: float, identity: dict[str, Any]):
        self.path = path
        self.minutes = minutes
        self.identity = identity
        self._last = time.monotonic()

    def on_train_batch_end(self, trainer: Trainer, module: TrainingModule, *_: Any) -> None:
        """The end of an epoch waits for its validation."""
        last = module.batches_done >= module.n_batches or trainer.should_stop
        if not last and self._due(trainer):
            self._save(trainer, finished=False)

    def on_train_epoch_end(self, trainer: Trainer, module: TrainingModule) -> None:
        """Lightning calls this after the module's own, which counts the epoch."""
        finished = trainer.should_stop or module.progress >= 1.0
        if finished or self._due(trainer):
            self._save(trainer, finished)

    def _due(self, trainer: Trainer) -> bool:
        passed = time.monotonic() - self._last >= 60 * self.minutes
        return trainer.strategy.reduce_boolean_decision(passed, all=False)

    def _save(self, trainer: Trainer, finished: bool) -> None:
        self._finished = finished
        trainer.save_checkpoint(self.path)
        self._last = time.monotonic()

    def on_save_checkpoint(
        self, trainer: Trainer, module: TrainingModule, checkpoint: dict[str, Any]
    ) -> None:
        """Which run this is."""
        checkpoint["run"] = {**self.identity, "finished": self._finished}


def state_to_resume(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """What ``KeepState`` wrote of the run, or None where there is no file.

    Raises
    ------
    InputError
        The file cannot be read, or is of another configuration, data or precision.
    """
    if not path.is_file():
        return None
    try:
        run = load_tensors(path)["run"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: expected the state of an interrupted run, found a file that cannot be read"
        ) from error
    for name, value in identity.items():
        difference = first_difference(run.get(name), value, name)
        if difference:
            raise InputError(
                f"{path}: the run to resume differs: {difference}; start a new one elsewhere"
            )
    return run
