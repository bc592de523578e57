"""Errors and loss of a potential over a validation set."""

import torch

from hipnn_ts.data.dataset import ReferenceDataset
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.batches import batch_on
from hipnn_ts.training.errors import ErrorSums, deviations
from hipnn_ts.training.loss import batch_sums, error_loss
from hipnn_ts.training.prediction import predict
from hipnn_ts.training.ranks import Ranks
from hipnn_ts.training.sections import LossConfig


def validate(
    potential: Potential,
    data: ReferenceDataset,
    batch_size: int,
    weights: LossConfig,
    ranks: Ranks,
) -> tuple[dict[str, float], float]:
    """Errors, as of ``ErrorSums.result``, and their loss without hierarchicality; each process
    computes its part."""
    errors = ErrorSums()
    weights = weights.model_copy(update={"hierarchicality": 0.0})
    sums = torch.zeros(4, 3, dtype=torch.float64, device=ranks.device)
    mine = range(ranks.rank, len(data), ranks.n_ranks)
    for start in range(0, len(mine), batch_size):
        batch = batch_on(ranks.device, data, mine[start : start + batch_size])
        prediction, terms = predict(potential, batch, create_graph=False)
        found = deviations(prediction, batch)
        errors.add(found)
        sums += batch_sums(found, terms, batch, weights).detach()
    errors.sums = ranks.summed(errors.sums.to(ranks.device)).cpu()
    return errors.result(), error_loss(ranks.summed(sums), weights).item()
