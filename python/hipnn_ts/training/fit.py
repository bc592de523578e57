"""Training from configuration to checkpoint."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import torch
import yaml

from hipnn_ts.checkpoint import read_checkpoint, save_checkpoint
from hipnn_ts.data.dataset import JoinedDataset
from hipnn_ts.errors import InputError
from hipnn_ts.files import replacing
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.fine_tuning import begin_from, read_start, with_its_network, with_start
from hipnn_ts.training.freezing import freeze
from hipnn_ts.training.loop import TrainingLoop
from hipnn_ts.training.observers import EpochLog, KeepBest, ProgressBar
from hipnn_ts.training.prepare import Prepared, prepare
from hipnn_ts.training.ranks import Ranks
from hipnn_ts.training.resume import KeepState, state_to_resume
from hipnn_ts.training.sections import RunConfig
from hipnn_ts.training.uncertainty import described, fit_uncertainty

CHECKPOINT = "best.ckpt"
STATE = "last.ckpt"
LOG = "metrics.csv"
CONFIG = "config.yaml"
STATE_FORMAT = 3  # increased whenever the names in a state change


def train(
    config: RunConfig,
    output_directory: str | Path,
    fused: bool = True,
    overwrite: bool = False,
    progress_bar: bool = False,
    resume: bool = False,
    tell: Callable[[str], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Path:
    """Train a potential; return the checkpoint with the lowest validation loss.

    Beside ``best.ckpt``, the directory (created if needed) contains ``metrics.csv``, with one row
    per epoch, ``config.yaml``, the configuration with every default filled in, and ``last.ckpt``,
    from which an interrupted run continues. At the end ``best.ckpt`` receives the force
    uncertainty, if the validation data contains forces. On the CPU of one machine the same
    configuration gives the same weights again, interrupted or not, if only ``epochs`` ends the run.

    If ``torchrun`` started them, the processes share each batch and take the steps of one process.

    Parameters
    ----------
    config : RunConfig
    output_directory : path
    fused : use this package's operators; if false, use plain torch (slower)
    overwrite : replace the results of an earlier run
    progress_bar : show one on standard error
    resume : continue an interrupted run in this directory, if there is one
    tell : called with each line about the data, before the first step
    clock : clock in seconds for ``max_minutes``; use ``time.process_time`` on a busy machine

    Raises
    ------
    InputError
        Data or a start checkpoint that cannot be used, elements that the configuration does not
        name, an output directory that cannot be written, contains another run or is in use, or
        training that diverges.
    """
    output, settings = Path(output_directory), config.training
    if (output / CHECKPOINT).exists() and not (overwrite or resume):
        raise InputError(
            f"{output}: expected a new directory, found the result of an earlier run "
            f"({CHECKPOINT}); choose another, or ask to resume or to overwrite"
        )
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "training.device: expected a GPU for 'cuda', found none that torch can use"
        )
    start = None if settings.start_from is None else read_start(settings.start_from)
    if start is None:
        prepared = prepare(config)
    else:
        if start.path.parent.resolve() == output.resolve():
            raise InputError(
                f"training.start_from: expected a checkpoint outside of the output directory, "
                f"whose files this run replaces, found {start.path}"
            )
        complete = with_its_network(config, start)
        prepared = prepare(complete, start.closest_approach, start.longest_radii)
        prepared = with_start(prepared, start)
    settings = prepared.settings
    identity = {"format": STATE_FORMAT} | {key: prepared.origin[key] for key in ("config", "data")}
    if start is not None:
        identity["start_from"] = prepared.origin["start_from"]["sha256"]
    with (
        closing(prepared.training),
        closing(prepared.validation),
        nullcontext() if prepared.distilled is None else closing(prepared.distilled),
        Ranks(settings.device) as ranks,
        _alone(output, ranks),
    ):
        earlier = state_to_resume(output / STATE, identity) if resume else None
        if earlier and earlier["run"]["finished"]:
            if ranks.first:  # the run may have been interrupted here
                _add_uncertainty(output / CHECKPOINT, prepared, tell)
            return output / CHECKPOINT
        for line in (*prepared.survey, *prepared.recipe) if tell else ():
            tell(line)
        if not earlier and ranks.first:
            _clear(output, prepared)
        best = KeepBest(output / CHECKPOINT, prepared.origin, settings.early_stop)
        observers = [
            best,
            EpochLog(output / LOG),
            *([ProgressBar()] if progress_bar else []),
            KeepState(output / STATE, settings.checkpoint_minutes, identity, best),
        ]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            potential = Potential(prepared.network, fused).to(getattr(torch, settings.precision))
            potential.self_energies.copy_(prepared.self_energies)
            if start is not None and not earlier:
                line = begin_from(start, potential, prepared.training, settings)
                if tell:
                    tell(line)
            if settings.self_energies == "trained":
                potential.train_self_energies()
            freeze(potential, settings.freeze)
            trained_on = prepared.training
            if prepared.distilled is not None:
                trained_on = JoinedDataset([trained_on, prepared.distilled])
            loop = TrainingLoop(potential, settings, trained_on, prepared.validation, ranks, clock)
            if earlier:
                loop.load_state(earlier["loop"])
                best.load_state(earlier["best"])
            loop.run(observers)
        if ranks.first:
            _add_uncertainty(output / CHECKPOINT, prepared, tell)
    return output / CHECKPOINT


def _add_uncertainty(path: Path, prepared: Prepared, tell: Callable[[str], None] | None) -> None:
    """Added to a checkpoint that has none."""
    potential, provenance, earlier = read_checkpoint(path)
    if earlier is not None:
        return
    found = fit_uncertainty(potential, prepared.training, prepared.validation)
    if found is not None:
        save_checkpoint(path, potential, provenance, found)
    if tell:
        tell(described(found))


@contextmanager
def _alone(output: Path, ranks: Ranks) -> Iterator[None]:
    """The directory, created if needed, for this run alone, because two runs would overwrite each
    other. The lock ends with the process, however that ends."""
    if not ranks.first:
        yield
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        directory = os.open(output, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(directory)
        raise InputError(
            f"{output}: expected a directory to train in, found one where a run is training now; "
            "choose another, or wait for its end"
        ) from None
    except OSError:
        pass  # not every network file system supports such locks
    try:
        yield
    finally:
        os.close(directory)


def _clear(output: Path, prepared: Prepared) -> None:
    """Remove what an earlier run left, and describe this run."""
    try:
        for name in (LOG, CHECKPOINT, STATE):
            (output / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{output}: cannot be written: {error.strerror}") from error
    with replacing(output / CONFIG) as temporary:
        temporary.write_text(yaml.safe_dump(prepared.resolved, sort_keys=False, allow_unicode=True))
