"""One optimisation step and one validation, as a LightningModule."""

import math

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from hipnn_ts.data.batch import Batch
from hipnn_ts.errors import InputError
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.budget import Budget
from hipnn_ts.training.config import LossConfig, TrainingConfig
from hipnn_ts.training.errors import ErrorSums, deviations
from hipnn_ts.training.loss import error_loss, hierarchicality
from hipnn_ts.training.prediction import predict

WARM_UP = 0.05  # of the run
LAST_RATE = 0.01  # of the highest learning rate


def rate_factor(progress: float) -> float:
    """Learning rate over its maximum at ``progress`` from 0 to 1: linear warm-up, then cosine."""
    if progress < WARM_UP:
        return max(progress / WARM_UP, LAST_RATE)
    decay = min((progress - WARM_UP) / (1 - WARM_UP), 1.0)
    return LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * decay))


class TrainingModule(LightningModule):
    """Trains ``potential`` in place; ``errors`` and ``validation_loss`` are those of the last
    validation."""

    def __init__(self, potential: Potential, config: TrainingConfig, budget: Budget):
        super().__init__()
        self.potential = potential
        self.config = config
        self.budget = budget
        self.errors: dict[str, float] = {}
        self.validation_loss = math.inf
        self.losses: list[float] = []
        self._sums = ErrorSums()

    def configure_optimizers(self) -> dict:
        """Adam; the rate follows the run's progress, by steps or by the clock."""
        optimizer = torch.optim.Adam(self.potential.parameters(), lr=self.config.learning_rate)
        scheduler = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate_factor(self.budget.progress(step))
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
        }

    def on_train_epoch_start(self) -> None:
        """Begin the epoch's average."""
        self.losses = []

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Loss of one batch."""
        weights = self.config.loss
        prediction, terms = predict(self.potential, batch, create_graph=True)
        loss = error_loss(deviations(prediction, batch), weights)
        if weights.hierarchicality > 0 and terms.shape[1] > 1:
            loss = loss + weights.hierarchicality * hierarchicality(terms)
        self.losses.append(self._finite(loss.item()))
        return loss

    def on_validation_epoch_start(self) -> None:
        """Begin the sums."""
        self._sums = ErrorSums()

    def validation_step(self, batch: Batch, index: int) -> None:
        """Add one batch's errors."""
        with torch.enable_grad():
            prediction, _ = predict(self.potential, batch, create_graph=False)
        self._sums.add(deviations(prediction, batch))

    def on_validation_epoch_end(self) -> None:
        """Errors over the whole validation set, and the loss they make."""
        self.errors = self._sums.result()
        self.validation_loss = self._finite(combined_error(self.errors, self.config.loss))

    def _finite(self, loss: float) -> float:
        if not math.isfinite(loss):
            raise InputError(
                f"training.learning_rate: the loss is no longer finite after {self.global_step} "
                f"steps at {self.config.learning_rate:g}, expected a smaller rate"
            )
        return loss


def combined_error(errors: dict[str, float], weights: LossConfig) -> float:
    """The loss of a whole data set from its errors, regularisation left out."""
    return sum(
        1e-3 * value * getattr(weights, name.partition("_")[0]) for name, value in errors.items()
    )
