"""One optimisation step and one validation, as a LightningModule."""

import copy
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Subset

from hipnn_ts.data.batch import Batch, collate
from hipnn_ts.data.dataset import ReferenceDataset
from hipnn_ts.errors import InputError
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.batches import EpochBatches
from hipnn_ts.training.budget import Budget
from hipnn_ts.training.errors import ErrorSums, deviations
from hipnn_ts.training.loss import batch_sums, error_loss, squared_weights, summed
from hipnn_ts.training.prediction import predict
from hipnn_ts.training.schedule import Schedule
from hipnn_ts.training.sections import LATE, LossConfig, TrainingConfig


class TrainingModule(LightningModule):
    """Trains ``potential`` in place on ``training``; ``errors`` and ``validation_loss`` are those
    of the last validation, which judged ``evaluated``.

    Everything that changes during a run is in the checkpoint: a run goes on from any step.
    """

    # A validation set may have fewer configurations than there are processes.
    allow_zero_length_dataloader_with_multiple_devices = True

    def __init__(
        self,
        potential: Potential,
        config: TrainingConfig,
        training: ReferenceDataset,
        validation: ReferenceDataset,
        clock: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self.potential = potential
        self.average = None
        if config.ema_decay is not None:
            self.average = copy.deepcopy(potential).requires_grad_(False)
            # A weight that is frozen is its own average.
            pairs = zip(self.average.parameters(), potential.parameters(), strict=True)
            self._averages = [average for average, weight in pairs if weight.requires_grad]
        # Looked for once: a search through the modules takes its share of a small step.
        self._trained = [weight for weight in potential.parameters() if weight.requires_grad]
        self.config = config
        self.training_data, self.validation_data = training, validation
        self.schedule = Schedule(config)
        self.budget = Budget(config.epochs, config.max_minutes, clock)
        self.epoch = 0
        self.batches_done = 0
        self.n_batches = 1
        self.losses: list[float | Tensor] = []
        self.errors: dict[str, float] = {}
        self.validation_loss = math.inf

    @property
    def evaluated(self) -> Potential:
        """The potential, or the average of its weights where one is kept."""
        return self.potential if self.average is None else self.average

    @property
    def progress(self) -> float:
        """Share of the run that is done."""
        return self.budget.progress(self.epoch + self.batches_done / self.n_batches)

    def loss_weights(self, progress: float) -> LossConfig:
        """The weights of this part of the run."""
        loss, second = self.config.loss, self.config.second_stage
        if second is not None:
            return second.loss if progress >= second.start else loss
        late = loss.late_energy if progress >= LATE else 1.0
        return loss.model_copy(update={"energy": late * loss.energy})

    def train_dataloader(self) -> DataLoader:
        """The batches of this epoch, from the first that is not done. Called every epoch."""
        batches = EpochBatches(
            self.training_data.n_atoms,
            self.schedule.batch_size,
            self.config.max_atoms_per_batch,
            self.config.seed,
            self.epoch,
            self.batches_done,
            self.trainer.global_rank,
            self.trainer.world_size,
        )
        self.n_batches = len(batches)
        return DataLoader(self.training_data, batch_sampler=batches, collate_fn=collate)

    def val_dataloader(self) -> DataLoader:
        """This process's share of the validation data."""
        mine = range(self.trainer.global_rank, len(self.validation_data), self.trainer.world_size)
        part = Subset(self.validation_data, mine)
        return DataLoader(part, self.config.batch_size, collate_fn=collate)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam; its rate is set before each step."""
        # Parameters are many and small: one after the other they take a tenth of a small step.
        rate = self.config.learning_rate
        return torch.optim.Adam(self._trained, lr=rate, fused=True)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Loss of one batch."""
        progress = self._shared_progress()
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.schedule.rate(progress)
        weights = self.loss_weights(progress)
        prediction, terms = predict(self.potential, batch, create_graph=True)
        sums = batch_sums(deviations(prediction, batch), terms, batch, weights)
        # Processes average their gradients where the whole batch's is their sum.
        loss = self.trainer.world_size * error_loss(summed(sums, self._add_up), weights)
        regular = weights.l2 * squared_weights(self.potential) if weights.l2 > 0 else 0.0
        self.losses.append((loss / self.trainer.world_size + regular).detach())
        self.batches_done += 1
        return loss + regular

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Down to the parameters: of the pair vectors' gradients only the forces needed any."""
        loss.backward(*args, inputs=self._trained, **kwargs)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """A step, then the average follows."""
        super().optimizer_step(*args, **kwargs)
        if self.average is not None:
            # Soon without the weights that it began with, which no step has improved.
            steps = self.global_step
            decay = min(self.config.ema_decay, (1 + steps) / (10 + steps))
            get_ema_multi_avg_fn(decay)(self._averages, self._trained, None)

    def on_train_epoch_end(self) -> None:
        """Validation is done by now: adapt to it, and count the epoch."""
        self.schedule.epoch_ends(self.validation_loss)
        self.epoch += 1
        self.batches_done = 0
        self.losses = []

    def on_validation_epoch_start(self) -> None:
        """Begin the sums, unless training is beyond repair."""
        self._read_losses()
        self._errors = ErrorSums()
        self._loss_sums = torch.zeros(4, 3, dtype=torch.float64, device=self.device)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Add one batch's errors."""
        with torch.enable_grad():
            prediction, terms = predict(self.evaluated, batch, create_graph=False)
        found = deviations(prediction, batch)
        self._errors.add(found)
        self._loss_sums += batch_sums(found, terms, batch, self._last_weights).detach()

    def on_validation_epoch_end(self) -> None:
        """Errors over the whole validation set, and the loss they make."""
        self._errors.sums = self._add_up(self._errors.sums.to(self.device)).cpu()
        self.errors = self._errors.result()
        # By the weights that the run ends with: losses of one run can be compared.
        loss = error_loss(self._add_up(self._loss_sums), self._last_weights)
        self.validation_loss = loss.item()
        if not math.isfinite(self.validation_loss):
            raise self._diverged(self.global_step)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What Lightning does not know of."""
        self._read_losses()
        checkpoint["progress"] = {
            "epoch": self.epoch,
            "batches_done": self.batches_done,
            "losses": self.losses,
            "errors": self.errors,
            "validation_loss": self.validation_loss,
            "minutes": self.budget.minutes,
            "schedule": self.schedule.state_dict(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Continue from there."""
        progress = dict(checkpoint["progress"])
        self.schedule.load_state_dict(progress.pop("schedule"))
        self.budget.start(progress.pop("minutes"))
        vars(self).update(progress)

    @property
    def _last_weights(self) -> LossConfig:
        """Errors alone, as the last part of the run weighs them."""
        return self.loss_weights(1.0).model_copy(update={"hierarchicality": 0.0})

    def _shared_progress(self) -> float:
        """Clocks differ: every process goes by that of the first."""
        if self.trainer.world_size == 1 or self.config.max_minutes is None:
            return self.progress
        mine = self.progress if self.trainer.is_global_zero else 0.0
        return self._add_up(torch.tensor(mine, dtype=torch.float64, device=self.device)).item()

    def _add_up(self, values: Tensor) -> Tensor:
        return self.trainer.strategy.reduce(values, reduce_op="sum")

    def _read_losses(self) -> None:
        """Of this epoch's steps; not after each, because a GPU would have to be waited for."""
        self.losses = [float(loss) for loss in self.losses]
        for index, loss in enumerate(self.losses):
            if not math.isfinite(loss):
                raise self._diverged(self.global_step - len(self.losses) + index)

    def _diverged(self, steps: int) -> InputError:
        return InputError(
            f"training.learning_rate: the loss is no longer finite after {steps} steps at "
            f"{self.config.learning_rate:g}, expected a smaller rate"
        )
