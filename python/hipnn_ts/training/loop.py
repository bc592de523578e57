"""The training loop: optimisation steps, and validation after each epoch."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from hipnn_ts.data.batch import Batch
from hipnn_ts.data.dataset import JoinedDataset, ReferenceDataset
from hipnn_ts.errors import InputError
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.average import AveragedWeights
from hipnn_ts.training.batches import EpochBatches, batch_on
from hipnn_ts.training.budget import Budget
from hipnn_ts.training.errors import deviations
from hipnn_ts.training.flat import FlatParameters
from hipnn_ts.training.loss import batch_sums, error_loss, squared_weights, summed
from hipnn_ts.training.observers import Observer
from hipnn_ts.training.prediction import predict
from hipnn_ts.training.ranks import Ranks
from hipnn_ts.training.schedule import Schedule
from hipnn_ts.training.sections import LATE, LossConfig, TrainingConfig
from hipnn_ts.training.soap import Soap
from hipnn_ts.training.validate import validate


class TrainingLoop:
    """Trains ``potential`` in place on ``training``; ``errors`` and ``validation_loss`` are those
    of the last validation, which used ``evaluated``.

    :meth:`state` contains everything that changes during a run, so a run can continue from any
    step. An observer sets ``stop`` to end the run after the next validation.
    """

    def __init__(
        self,
        potential: Potential,
        config: TrainingConfig,
        training: ReferenceDataset | JoinedDataset,
        validation: ReferenceDataset,
        ranks: Ranks,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.potential = potential.to(ranks.device)
        # Collected once, because searching the modules takes a noticeable part of a small step.
        self._trained = [weight for weight in potential.parameters() if weight.requires_grad]
        self._matrices = [weight for weight in self._trained if weight.dim() > 1]
        decay = config.ema_decay
        self.average = None if decay is None else AveragedWeights(self.potential, decay)
        self._flat = FlatParameters(self._trained)
        self.optimizer = (
            Soap(self._trained, config.learning_rate)
            if config.optimizer == "soap"
            else torch.optim.Adam(self._flat.wholes, config.learning_rate, fused=True)
        )
        self.config = config
        self.training_data, self.validation_data = training, validation
        self.ranks = ranks
        self.schedule = Schedule(config)
        self.budget = Budget(config.epochs, config.max_minutes, clock)
        self.stop = False
        self.epoch = 0
        self.steps = 0
        self.batches_done = 0  # steps of this epoch
        self.n_batches = 1
        self.losses: list[float | Tensor] = []
        self.errors: dict[str, float] = {}
        self.validation_loss = math.inf

    def run(self, observers: Sequence[Observer]) -> None:
        """Train until the budget is spent, even within an epoch, or until an observer stops the
        run.

        Raises
        ------
        InputError
            The loss is no longer finite.
        """
        if self.steps == 0:
            self.budget.start()  # loading and set-up do not count
        try:
            for observer in observers:
                observer.begins(self)
            while not (self.stop or self.progress >= 1.0):
                self._train_epoch(observers)
                self._validate()
                for observer in observers:
                    observer.after_validation(self)
                self._count_epoch()
                for observer in observers:
                    observer.after_epoch(self)
        finally:
            for observer in observers:
                observer.ends()

    @property
    def evaluated(self) -> Potential:
        """The potential, or the average of its weights if one is kept."""
        return self.potential if self.average is None else self.average.potential

    @property
    def progress(self) -> float:
        """Fraction of the run that is done."""
        return self.budget.progress(self.epoch + self.batches_done / self.n_batches)

    @property
    def learning_rate(self) -> float:
        """The rate of the last step."""
        return self.optimizer.param_groups[0]["lr"]

    def loss_weights(self, progress: float) -> LossConfig:
        """The loss weights of this part of the run."""
        loss, second = self.config.loss, self.config.second_stage
        if second is not None:
            return second.loss if progress >= second.start else loss
        late = loss.late_energy if progress >= LATE else 1.0
        return loss.model_copy(update={"energy": late * loss.energy})

    def state(self) -> dict[str, Any]:
        """Everything that changes during a run, as tensors and plain values."""
        self._read_losses()
        return {
            "weights": self.potential.state_dict(),
            "average": {} if self.average is None else self.average.potential.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "minutes": self.budget.minutes,
            "progress": {
                "epoch": self.epoch,
                "steps": self.steps,
                "batches_done": self.batches_done,
                "n_batches": self.n_batches,
                "losses": self.losses,
                "errors": self.errors,
                "validation_loss": self.validation_loss,
            },
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from this state."""
        self.potential.load_state_dict(state["weights"])
        if self.average is not None:
            self.average.potential.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.budget.start(state["minutes"])
        vars(self).update(state["progress"])

    def _train_epoch(self, observers: Sequence[Observer]) -> None:
        """The batches of this epoch, starting with the first that is not done."""
        for batch in self._batches():
            self._step(batch)
            # All processes stop together.
            self.stop = self.ranks.any(self.stop or self.progress >= 1.0)
            for observer in observers:
                observer.after_step(self)
            if self.stop:
                break

    def _batches(self) -> Iterator[Batch]:
        chosen = EpochBatches(
            self.training_data.n_atoms,
            self.schedule.batch_size,
            self.config.max_atoms_per_batch,
            self.config.seed,
            self.epoch,
            self.batches_done,
            self.ranks.rank,
            self.ranks.n_ranks,
        )
        self.n_batches = len(chosen)
        for indices in chosen:
            yield batch_on(self.ranks.device, self.training_data, indices)

    def _step(self, batch: Batch) -> None:
        progress = self._shared_progress()
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate(progress)
        weights = self.loss_weights(progress)
        prediction, terms = predict(self.potential, batch, create_graph=True)
        sums = batch_sums(deviations(prediction, batch), terms, batch, weights)
        loss = error_loss(summed(sums, self.ranks.summed), weights)
        regular = weights.l2 * squared_weights(self.potential) if weights.l2 > 0 else 0.0
        self.losses.append((loss + regular).detach())
        self._flat.zero_grad()
        # Backpropagate to the parameters; only the forces needed gradients of the pair vectors. A
        # process has its configurations' part of the errors' gradient, and an equal part of this
        # one.
        (loss + regular / self.ranks.n_ranks).backward(inputs=self._trained)
        for whole in self._flat.wholes:
            self.ranks.summed(whole.grad)
        if self.config.gradient_clipping:
            clip_grad_norm_(self._flat.wholes, self.config.gradient_clipping)
        if self.config.weight_decay:
            shrinkage = 1.0 - self.learning_rate * self.config.weight_decay
            torch._foreach_mul_([weight.data for weight in self._matrices], shrinkage)
        self.optimizer.step()
        self.steps += 1
        self.batches_done += 1
        if self.average is not None:
            self.average.follow(self._flat.wholes, self.steps)

    def _validate(self) -> None:
        self._read_losses()
        # With the loss weights at the end of the run, so that losses of one run can be compared.
        self.errors, self.validation_loss = validate(
            self.evaluated,
            self.validation_data,
            self.config.batch_size,
            self.loss_weights(1.0),
            self.ranks,
        )
        if not math.isfinite(self.validation_loss):
            raise self._diverged(self.steps)

    def _count_epoch(self) -> None:
        self.schedule.epoch_ends(self.validation_loss)
        self.epoch += 1
        self.batches_done = 0
        self.losses = []

    def _shared_progress(self) -> float:
        """Clocks differ, so every process uses that of the first."""
        if self.ranks.n_ranks == 1 or self.config.max_minutes is None:
            return self.progress
        mine = self.progress if self.ranks.first else 0.0
        return self.ranks.summed(
            torch.tensor(mine, dtype=torch.float64, device=self.ranks.device)
        ).item()

    def _read_losses(self) -> None:
        """Called once per epoch, because a call after each step would synchronise a GPU."""
        self.losses = [float(loss) for loss in self.losses]
        for index, loss in enumerate(self.losses):
            if not math.isfinite(loss):
                raise self._diverged(self.steps - len(self.losses) + index)

    def _diverged(self, steps: int) -> InputError:
        return InputError(
            f"training.learning_rate: the loss is no longer finite after {steps} steps at "
            f"{self.config.learning_rate:g}, expected a smaller rate"
        )
