"""The processes that share a training run."""

import os
from types import TracebackType
from typing import Self

import torch
import torch.distributed as distributed
from torch import Tensor


class Ranks:
    """This process among those that ``torchrun`` started, or a single one; a context manager.

    Parameters
    ----------
    device : "cpu" or "cuda"; with several GPUs, each process of a machine takes its own
    """

    def __init__(self, device: str):
        self.rank = int(os.environ.get("RANK", 0))
        self.n_ranks = int(os.environ.get("WORLD_SIZE", 1))
        local = int(os.environ.get("LOCAL_RANK", 0))
        self.device = torch.device(device, local) if device == "cuda" else torch.device(device)

    def __enter__(self) -> Self:
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)
        if self.n_ranks > 1:
            distributed.init_process_group("nccl" if self.device.type == "cuda" else "gloo")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.n_ranks > 1:
            distributed.destroy_process_group()

    @property
    def first(self) -> bool:
        """Whether this process writes files and prints."""
        return self.rank == 0

    def summed(self, values: Tensor) -> Tensor:
        """Sum over the processes, in place; ``values`` lie on :attr:`device`."""
        if self.n_ranks > 1:
            distributed.all_reduce(values)
        return values

    def any(self, condition: bool) -> bool:
        """Whether it is true in any of the processes, so that all of them decide alike."""
        if self.n_ranks == 1:
            return condition
        return bool(self.summed(torch.tensor(float(condition), device=self.device)) > 0)
