"""How learning rate and batch size change during a run."""

import math
from typing import Any

from hipnn_ts.training.sections import ScheduleConfig, TrainingConfig

# Relative improvement below which a validation loss does not count as better, as in torch and
# hippynn.
THRESHOLD = 1e-4


def cosine_factor(progress: float, config: ScheduleConfig) -> float:
    """Learning rate relative to its maximum at ``progress`` from 0 to 1: linear warm-up, then
    cosine."""
    if progress < config.warm_up:
        return max(progress / config.warm_up, config.last_rate)
    decay = min((progress - config.warm_up) / (1 - config.warm_up), 1.0)
    return config.last_rate + (1 - config.last_rate) * 0.5 * (1 + math.cos(math.pi * decay))


class Schedule:
    """Batch size and learning rate: functions of progress (cosine) or of the validation losses.

    With patience, each plateau doubles the batch size up to its maximum, then halves the rate
    (Chigaev et al., J. Chem. Phys. 158, 184108 (2023), section III; hippynn's
    RaiseBatchSizeOnPlateau).
    """

    def __init__(self, config: TrainingConfig):
        self.config = config.schedule
        self.highest = config.learning_rate
        self.max_batch_size = config.schedule.max_batch_size or 8 * config.batch_size
        self.batch_size = config.batch_size
        self.factor = 1.0
        self.best = math.inf
        self.waited = 0

    def rate(self, progress: float) -> float:
        """Learning rate at ``progress`` from 0 to 1."""
        if self.config.kind == "cosine":
            return self.highest * cosine_factor(progress, self.config)
        return self.highest * self.factor

    def epoch_ends(self, validation_loss: float) -> None:
        """Count epochs without improvement."""
        if self.config.kind == "cosine":
            return
        if validation_loss < self.best * (1 - THRESHOLD):
            self.best, self.waited = validation_loss, 0
            return
        self.waited += 1
        if self.waited > self.config.patience:
            self.waited = 0
            if self.batch_size >= self.max_batch_size:
                self.factor *= 0.5
            else:
                self.batch_size = min(2 * self.batch_size, self.max_batch_size)
                if self.batch_size == self.max_batch_size:
                    self.best = math.inf  # hippynn starts the second phase with a new best loss

    def state_dict(self) -> dict[str, Any]:
        """The state that changes during a run."""
        return {name: getattr(self, name) for name in ("batch_size", "factor", "best", "waited")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state_dict``."""
        vars(self).update(state)
