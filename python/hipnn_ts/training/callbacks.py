"""What happens beside the optimisation: stopping, keeping the best model, log and progress bar."""

import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from tqdm.auto import tqdm

from hipnn_ts.checkpoint import save_checkpoint
from hipnn_ts.training.module import TrainingModule


class StopOnBudget(Callback):
    """Starts the clock and ends the run, mid-epoch if need be, when the budget is spent."""

    def on_train_start(self, trainer: Trainer, module: TrainingModule) -> None:
        """Loading and set-up do not count."""
        module.budget.start()

    def on_train_batch_end(self, trainer: Trainer, module: TrainingModule, *_: Any) -> None:
        """Lightning validates once more when it stops."""
        if module.budget.progress(trainer.global_step) >= 1.0:
            trainer.should_stop = True


class KeepBest(Callback):
    """Writes a checkpoint whenever the validation loss is the lowest so far.

    ``origin`` is what its provenance says of the whole run.
    """

    def __init__(self, path: Path, origin: dict[str, Any]):
        self.path = path
        self.origin = origin
        self.lowest = math.inf

    def on_validation_end(self, trainer: Trainer, module: TrainingModule) -> None:
        """Compare and write."""
        if module.validation_loss < self.lowest:
            self.lowest = module.validation_loss
            provenance = self.origin | {
                "validation_errors": module.errors,
                "epoch": trainer.current_epoch,
                "minutes": round(module.budget.minutes, 3),
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            save_checkpoint(self.path, module.potential, provenance)


class EpochLog(Callback):
    """One row of the CSV log for each epoch. Errors in meV/atom, meV/Å, meV/Å^3."""

    def on_train_epoch_end(self, trainer: Trainer, module: TrainingModule) -> None:
        """Validation has run by now."""
        row = {
            "epoch": trainer.current_epoch,
            "minutes": module.budget.minutes,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "training_loss": sum(module.losses) / len(module.losses),
            "validation_loss": module.validation_loss,
            **{f"validation_{name}": value for name, value in module.errors.items()},
        }
        trainer.logger.log_metrics(row, step=trainer.global_step)
        trainer.logger.save()


class ProgressBar(Callback):
    """One bar for the whole run, with the latest validation errors."""

    def on_train_start(self, trainer: Trainer, module: TrainingModule) -> None:
        """Open the bar."""
        self.bar = tqdm(
            total=100,
            desc="training",
            bar_format="{desc} {bar} {n:3.0f} %{postfix}",
            # Where nothing can be redrawn (a log file) each update is a line.
            mininterval=0.2 if sys.stderr.isatty() else 15.0,
        )

    def on_train_batch_end(self, trainer: Trainer, module: TrainingModule, *_: Any) -> None:
        """Move it."""
        self.bar.update(100 * module.budget.progress(trainer.global_step) - self.bar.n)

    def on_validation_end(self, trainer: Trainer, module: TrainingModule) -> None:
        """Show the errors."""
        energy, forces = module.errors["energy_rmse"], module.errors["forces_rmse"]
        self.bar.set_postfix_str(
            f"epoch {trainer.current_epoch}: RMSE {energy:.2f} meV/atom, {forces:.1f} meV/Å"
        )

    def on_train_end(self, trainer: Trainer, module: TrainingModule) -> None:
        """Leave the bar as it is."""
        self.bar.close()

    def on_exception(self, trainer: Trainer, module: TrainingModule, exception: Any) -> None:
        """An error message starts on its own line."""
        self.bar.close()
