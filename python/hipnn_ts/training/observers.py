"""Observers of the optimisation: they keep the best model, and write a log and a progress bar."""

import csv
import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from hipnn_ts.checkpoint import save_checkpoint
from hipnn_ts.files import replacing
from hipnn_ts.training.errors import UNITS

if TYPE_CHECKING:
    from hipnn_ts.training.loop import TrainingLoop


class Observer:
    """An observer. ``TrainingLoop.run`` calls these methods in this order."""

    def begins(self, loop: "TrainingLoop") -> None:
        """Before the first step."""

    def after_step(self, loop: "TrainingLoop") -> None:
        """After each step; the last step of an epoch has not been validated yet."""

    def after_validation(self, loop: "TrainingLoop") -> None:
        """Called when ``loop.errors`` and ``loop.validation_loss`` are new."""

    def after_epoch(self, loop: "TrainingLoop") -> None:
        """The epoch has been counted, and the next may begin."""

    def ends(self) -> None:
        """The run has ended, with an exception or without."""


class KeepBest(Observer):
    """Writes a checkpoint whenever the validation loss is the lowest so far.

    ``origin`` is the part of the provenance about the whole run; ``patience`` is the number of
    epochs without a lower loss after which the run ends, or None.
    """

    def __init__(self, path: Path, origin: dict[str, Any], patience: int | None):
        self.path = path
        self.origin = origin
        self.patience = patience
        self.lowest = math.inf
        self.waited = 0

    def after_validation(self, loop: "TrainingLoop") -> None:
        """Compare the loss, and write."""
        if loop.validation_loss < self.lowest:
            self.lowest = loop.validation_loss
            self.waited = 0
            provenance = self.origin | {
                "validation_errors": loop.errors,
                "epoch": loop.epoch,
                "minutes": round(loop.budget.minutes, 3),
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            if loop.ranks.first:
                save_checkpoint(self.path, loop.evaluated, provenance)
        else:
            self.waited += 1
        if self.patience is not None and self.waited >= self.patience:
            loop.stop = True

    def state(self) -> dict[str, Any]:
        """The values with which the next validation compares."""
        return {"lowest": self.lowest, "waited": self.waited}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from this state."""
        vars(self).update(state)


class EpochLog(Observer):
    """One row of the CSV log for each epoch. Errors in meV/atom, meV/Å, meV/Å^3."""

    def __init__(self, path: Path):
        self.path = path

    def begins(self, loop: "TrainingLoop") -> None:
        """Remove the rows of epochs that will be repeated."""
        if loop.ranks.first and self.path.exists():
            with self.path.open(newline="") as file:
                lines = file.read().splitlines(keepends=True)
            with replacing(self.path) as temporary:
                temporary.write_text("".join(lines[: loop.epoch + 1]))

    def after_validation(self, loop: "TrainingLoop") -> None:
        """The validation has run by now."""
        if not loop.ranks.first:
            return
        row = {
            "epoch": loop.epoch,
            "minutes": loop.budget.minutes,
            "learning_rate": loop.learning_rate,
            "batch_size": loop.schedule.batch_size,
            "training_loss": sum(loop.losses) / len(loop.losses),
            "validation_loss": loop.validation_loss,
            **{f"validation_{name}": value for name, value in loop.errors.items()},
        }
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)


class ProgressBar(Observer):
    """One bar for the whole run, with the errors of the latest validation."""

    bar: tqdm | None = None

    def begins(self, loop: "TrainingLoop") -> None:
        """Open the bar."""
        self.bar = tqdm(
            total=100,
            desc="training",
            bar_format="{desc} {bar} {n:3.0f} % [{elapsed}<{remaining}]{postfix}",
            # If the output cannot be redrawn (a log file), each update is a line.
            mininterval=0.2 if sys.stderr.isatty() else 15.0,
            disable=not loop.ranks.first,
        )

    def after_step(self, loop: "TrainingLoop") -> None:
        """Move it."""
        self.bar.update(100 * loop.progress - self.bar.n)

    def after_validation(self, loop: "TrainingLoop") -> None:
        """Show the errors."""
        errors = [
            f"{loop.errors[f'{quantity}_rmse']:.{digits}f} {UNITS[quantity]}"
            for quantity, digits in (("energy", 2), ("forces", 1))
            if f"{quantity}_rmse" in loop.errors
        ]
        self.bar.set_postfix_str(f"epoch {loop.epoch}: RMSE {', '.join(errors) or 'unknown'}")

    def ends(self) -> None:
        """Leave the bar as it is, so that an error message starts on its own line."""
        if self.bar is not None:
            self.bar.close()
