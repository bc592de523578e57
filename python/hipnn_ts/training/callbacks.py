"""What happens beside the optimisation: stopping, keeping the best model, log and progress bar."""

import csv
import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from tqdm.auto import tqdm

from hipnn_ts.checkpoint import save_checkpoint
from hipnn_ts.files import replacing
from hipnn_ts.training.errors import UNITS
from hipnn_ts.training.module import TrainingModule


class StopOnBudget(Callback):
    """Starts the clock and ends the run, mid-epoch if need be, when the budget is spent."""

    def on_train_start(self, trainer: Trainer, module: TrainingModule) -> None:
        """Loading and set-up do not count; the minutes before an interruption do."""
        if trainer.ckpt_path is None:
            module.budget.start()

    def on_train_batch_end(self, trainer: Trainer, module: TrainingModule, *_: Any) -> None:
        """Lightning validates once more when it stops. All processes stop together."""
        done = module.progress >= 1.0
        if trainer.strategy.reduce_boolean_decision(done, all=False):
            trainer.should_stop = True


class KeepBest(Callback):
    """Writes a checkpoint whenever the validation loss is the lowest so far.

    ``origin`` is what its provenance says of the whole run; ``patience`` the epochs without a
    lower loss after which the run ends, or None.
    """

    def __init__(self, path: Path, origin: dict[str, Any], patience: int | None):
        self.path = path
        self.origin = origin
        self.patience = patience
        self.lowest = math.inf
        self.waited = 0

    def on_validation_end(self, trainer: Trainer, module: TrainingModule) -> None:
        """Compare and write."""
        if module.validation_loss < self.lowest:
            self.lowest = module.validation_loss
            self.waited = 0
            provenance = self.origin | {
                "validation_errors": module.errors,
                "epoch": module.epoch,
                "minutes": round(module.budget.minutes, 3),
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            if trainer.is_global_zero:
                save_checkpoint(self.path, module.evaluated, provenance)
        else:
            self.waited += 1
        if self.patience is not None and self.waited >= self.patience:
            trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """What the next validation compares with."""
        return {"lowest": self.lowest, "waited": self.waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue."""
        vars(self).update(state_dict)


class EpochLog(Callback):
    """One row of the CSV log for each epoch. Errors in meV/atom, meV/Å, meV/Å^3."""

    def __init__(self, path: Path):
        self.path = path

    def on_train_start(self, trainer: Trainer, module: TrainingModule) -> None:
        """Rows of epochs that are about to be repeated go."""
        if trainer.is_global_zero and self.path.exists():
            with self.path.open(newline="") as file:
                lines = file.read().splitlines(keepends=True)
            with replacing(self.path) as temporary:
                temporary.write_text("".join(lines[: module.epoch + 1]))

    def on_train_epoch_end(self, trainer: Trainer, module: TrainingModule) -> None:
        """Validation has run by now."""
        if not trainer.is_global_zero:
            return
        row = {
            "epoch": module.epoch,
            "minutes": module.budget.minutes,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "batch_size": module.schedule.batch_size,
            "training_loss": sum(module.losses) / len(module.losses),
            "validation_loss": module.validation_loss,
            **{f"validation_{name}": value for name, value in module.errors.items()},
        }
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)


class ProgressBar(Callback):
    """One bar for the whole run, with the latest validation errors."""

    def on_train_start(self, trainer: Trainer, module: TrainingModule) -> None:
        """Open the bar."""
        self.bar = tqdm(
            total=100,
            desc="training",
            bar_format="{desc} {bar} {n:3.0f} % [{elapsed}<{remaining}]{postfix}",
            # Where nothing can be redrawn (a log file) each update is a line.
            mininterval=0.2 if sys.stderr.isatty() else 15.0,
            disable=not trainer.is_global_zero,
        )

    def on_train_batch_end(self, trainer: Trainer, module: TrainingModule, *_: Any) -> None:
        """Move it."""
        self.bar.update(100 * module.progress - self.bar.n)

    def on_validation_end(self, trainer: Trainer, module: TrainingModule) -> None:
        """Show the errors."""
        errors = [
            f"{module.errors[f'{quantity}_rmse']:.{digits}f} {UNITS[quantity]}"
            for quantity, digits in (("energy", 2), ("forces", 1))
            if f"{quantity}_rmse" in module.errors
        ]
        self.bar.set_postfix_str(f"epoch {module.epoch}: RMSE {', '.join(errors) or 'unknown'}")

    def on_train_end(self, trainer: Trainer, module: TrainingModule) -> None:
        """Leave the bar as it is."""
        self.bar.close()

    def on_exception(self, trainer: Trainer, module: TrainingModule, exception: Any) -> None:
        """An error message starts on its own line."""
        self.bar.close()
