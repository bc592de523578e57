"""What a run chooses if the configuration does not, and the lines that report it."""

from collections.abc import Sequence

from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.training.sections import LATE, RunConfig, TrainingConfig

RATES = {"soap": 6e-3, "adam": 3e-3}
# A step with fewer atoms hardly takes less time; more atoms mean fewer steps.
ATOMS_PER_STEP = {"soap": 256, "adam": 128}
STEPS_PER_EPOCH = 20


def completed(settings: TrainingConfig, n_atoms: Sequence[int]) -> TrainingConfig:
    """The same, with the rate of its optimiser and a batch size for training configurations of
    ``n_atoms`` if it has none."""
    rate = settings.learning_rate or RATES[settings.optimizer]
    settings = settings.model_copy(update={"learning_rate": rate})
    if settings.batch_size is not None:
        return settings
    atoms = ATOMS_PER_STEP[settings.optimizer]
    size = min(round(atoms * len(n_atoms) / sum(n_atoms)), len(n_atoms) // STEPS_PER_EPOCH)
    if settings.schedule.max_batch_size is not None:
        size = min(size, settings.schedule.max_batch_size)
    return settings.model_copy(update={"batch_size": max(size, 1)})


def described(
    network: NetworkConfig, settings: TrainingConfig, config: RunConfig, n_frames: int
) -> list[str]:
    """Lines that say what the run trains and how, and why. ``config`` is the given
    configuration."""
    size = f"{settings.batch_size} configurations in a step"
    if config.training.batch_size is None:
        few = settings.batch_size == n_frames // STEPS_PER_EPOCH
        size += (
            f" (a {STEPS_PER_EPOCH}th of the data)"
            if few
            else f" (about {ATOMS_PER_STEP[settings.optimizer]} atoms)"
        )
    width = network.sensitivity_width
    shape = "narrow (hippynn's)" if width is None else f"{width:g} wide"
    if width is not None and "sensitivity_width" not in config.network:
        shape += " (broad: narrow ones fit noise between the distances of the data)"
    what = f"{network.invariants} of tensors up to order {network.l_max}"
    if "invariants" not in config.network:
        what += " (their errors are smaller than those of norms, and they have no cusps)"
    way = [
        f"{settings.optimizer} at rate {settings.learning_rate:g}, {settings.schedule.kind}",
        f"gradients clipped at norm {settings.gradient_clipping:g}",
    ]
    if settings.ema_decay is not None:
        way.append(f"weights averaged by {settings.ema_decay:g} (an average errs less)")
    loss, second = settings.loss, settings.second_stage
    if second is None and loss.late_energy != 1 and loss.energy > 0 and loss.forces > 0:
        way.append(f"energies weigh {loss.late_energy:g} times more after {LATE:.0%} of the run")
    layers = network.n_atom_layers
    return [
        f"recipe: {what}; {network.n_sensitivities} sensitivities, at first {shape}; "
        f"{layers} on-site layer{'' if layers == 1 else 's'}",
        *_repulsion(network, config),
        f"recipe: {size}",
        f"recipe: {'; '.join(way)}",
    ]


def _repulsion(network: NetworkConfig, config: RunConfig) -> list[str]:
    if config.network.get("zbl", "auto") != "auto":
        return []
    by_radius = sorted((outer, pair) for pair, (_, outer) in network.zbl.items())
    (low, first), (high, last) = by_radius[0], by_radius[-1]
    ends = f"{low:g} Å ({first})" + (f" to {high:g} Å ({last})" if len(by_radius) > 1 else "")
    return [f"recipe: a repulsion of nuclei below {ends} (closer than any atoms of the data)"]
