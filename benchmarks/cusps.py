"""A potential whose norms are rounder, or sharper, than they were trained."""

from hipnn_ts.model.potential import Potential


def with_regularisation(potential: Potential, cusp_regularisation: float) -> Potential:
    config = potential.config.model_copy(update={"cusp_regularisation": cusp_regularisation})
    changed = Potential(config)
    changed.load_state_dict(potential.state_dict())
    return changed
