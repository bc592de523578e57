"""The exponential moving average of the weights."""

import copy
from collections.abc import Sequence

from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from hipnn_ts.model.potential import Potential
from hipnn_ts.training.flat import FlatParameters


class AveragedWeights:
    """A copy of a potential whose weights follow those of the original."""

    def __init__(self, original: Potential, decay: float):
        self.potential = copy.deepcopy(original)
        self._decay = decay
        # A weight that is frozen is its own average.
        pairs = zip(self.potential.parameters(), original.parameters(), strict=True)
        averages = [average for average, weight in pairs if weight.requires_grad]
        self.potential.requires_grad_(False)
        self._wholes = FlatParameters(averages).wholes

    def follow(self, wholes: Sequence[Tensor], steps: int) -> None:
        """Move towards the weights in ``wholes`` of FlatParameters after step number ``steps``."""
        # The decay is smaller at first, so that the initial weights, which no step has improved,
        # vanish soon.
        decay = min(self._decay, (1 + steps) / (10 + steps))
        get_ema_multi_avg_fn(decay)(self._wholes, wholes, None)
