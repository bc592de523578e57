"""The choice of frames to label: those that the committee knows least, and no two alike."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from hipnn_ts.committee.deviations import Frame
from hipnn_ts.committee.selection import select
from hipnn_ts.export.structures import Deviations
from hipnn_ts.learning.config import held_back_of
from hipnn_ts.learning.sections import LearnConfig


def choose(
    frames: Sequence[Atoms],
    config: LearnConfig,
    elements: Sequence[str],
    cutoff: float,
    round_: int,
) -> list[Atoms]:
    """Frames to label, each with ``use`` (train or held_back) and ``why`` in ``info``.

    Held-out frames are drawn at random from all frames, so that their error is that of the walks.
    Frames to train on deviate by more than ``low``; the farthest-point selection of `hipnn-ts
    select` leaves out near-copies.
    """
    random = np.random.default_rng([config.seed, round_, 1])
    order = [int(index) for index in random.permutation(len(frames))]
    n_held = held_back_of(min(config.rounds.labels, len(frames)), config.rounds.held_back)
    held, others = order[:n_held], order[n_held:]
    n_train = config.rounds.labels - n_held
    if config.rounds.choose == "random":
        chosen = others[:n_train]
        why = ["drawn at random"] * len(chosen)
    else:
        unknown = [i for i in sorted(others) if deviation_of(frames[i]) > config.sampling.low]
        found = select([_judged(frames[i]) for i in unknown], elements, cutoff, n_train)
        chosen = [unknown[index] for index in found]
        why = [
            "the walk was stopped" if frames[i].info["stopped"] else "between low and stop"
            for i in chosen
        ]
    if not chosen:
        return []
    out = [_marked(frames[i], "train", reason) for i, reason in zip(chosen, why, strict=True)]
    return out + [_marked(frames[i], "held_back", "drawn at random") for i in held]


def first(frames: Sequence[Atoms], config: LearnConfig) -> list[Atoms]:
    """The same for the first labels: held-back ones are spread evenly over the frames."""
    n_held = held_back_of(len(frames), config.rounds.held_back)
    held = {int(index) for index in np.linspace(0, len(frames) - 1, n_held + 2)[1:-1]}
    why = "rattled" if config.first.method == "rattle" else "dynamics of the reference method"
    return [
        _marked(frame, "held_back" if index in held else "train", why)
        for index, frame in enumerate(frames)
    ]


def deviation_of(frame: Atoms) -> float:
    """The largest force deviation, eV/Å."""
    return float(frame.info["max_devi_f"])


def _judged(atoms: Atoms) -> Frame:
    """The input of `hipnn-ts select`, which uses only the deviations of forces."""
    deviations = Deviations(np.nan, atoms.arrays["forces_std"], np.full((3, 3), np.nan))
    return Frame("", atoms, deviations)


def _marked(frame: Atoms, use: str, why: str) -> Atoms:
    frame = frame.copy()
    frame.info |= {"use": use, "why": why}
    return frame
