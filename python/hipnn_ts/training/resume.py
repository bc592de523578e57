"""Checkpoints from which a run continues: written completely or not at all, read without pickled
code."""

import time
from pathlib import Path
from typing import Any

from hipnn_ts.archives import load_tensors
from hipnn_ts.checkpoint import write_whole
from hipnn_ts.errors import InputError
from hipnn_ts.kinds import STATE_KIND
from hipnn_ts.training.config import SECTIONS
from hipnn_ts.training.loop import TrainingLoop
from hipnn_ts.training.observers import KeepBest, Observer
from hipnn_ts.validation import first_difference


class KeepState(Observer):
    """Writes the state of the run after a step, whenever ``minutes`` have passed, and at the end.

    ``identity`` must be equal in a run and the one that continues it; ``best`` has a separate
    state.
    """

    def __init__(self, path: Path, minutes: float, identity: dict[str, Any], best: KeepBest):
        self.path = path
        self.minutes = minutes
        self.identity = identity
        self.best = best
        self._last = time.monotonic()

    def after_step(self, loop: TrainingLoop) -> None:
        """The state at the end of an epoch is written after its validation."""
        last = loop.batches_done >= loop.n_batches or loop.stop
        if not last and self._due(loop):
            self._save(loop, finished=False)

    def after_epoch(self, loop: TrainingLoop) -> None:
        """The state with which the next epoch starts."""
        finished = loop.stop or loop.progress >= 1.0
        if finished or self._due(loop):
            self._save(loop, finished)

    def _due(self, loop: TrainingLoop) -> bool:
        return loop.ranks.any(time.monotonic() - self._last >= 60 * self.minutes)

    def _save(self, loop: TrainingLoop, finished: bool) -> None:
        if loop.ranks.first:
            content = {
                "kind": STATE_KIND,
                "run": {**self.identity, "finished": finished},
                "best": self.best.state(),
                "loop": loop.state(),
            }
            write_whole(self.path, content)
        self._last = time.monotonic()


def state_to_resume(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The state that ``KeepState`` wrote, or None if there is no file. Keys of the configuration
    that did not exist when it was written count as their defaults.

    Raises
    ------
    InputError
        The file cannot be read, or belongs to another configuration, data or precision.
    """
    if not path.is_file():
        return None
    try:
        content = load_tensors(path)
        run = content["run"]
        run["config"] = {name: _completed(name, keys) for name, keys in run["config"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: expected the state of an interrupted run, found a file that cannot be read"
        ) from error
    for name, value in identity.items():
        difference = first_difference(run.get(name), value, name)
        if difference:
            raise InputError(
                f"{path}: the run to resume differs: {difference}; start a new one elsewhere"
            )
    return content


def _completed(section: str, keys: dict[str, Any]) -> dict[str, Any]:
    """A section with the defaults of the keys that it lacks."""
    if section not in SECTIONS:
        return keys
    return _merged(SECTIONS[section].model_construct().model_dump(mode="json"), keys)


def _merged(defaults: dict[str, Any], keys: dict[str, Any]) -> dict[str, Any]:
    inner = {
        name: _merged(defaults[name], value)
        for name, value in keys.items()
        if isinstance(value, dict) and isinstance(defaults.get(name), dict)
    }
    return defaults | keys | inner
