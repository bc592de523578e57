"""Frames to train on and frames to validate with."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms

from hipnn_ts.data.read import read_frames
from hipnn_ts.errors import InputError


class NamedFrames(NamedTuple):
    """Frames and what messages call them: file and index."""

    frames: list[Atoms]
    names: list[str]


def read_named(files: tuple[Path, ...]) -> NamedFrames:
    """Frames of several files, in order. Raises InputError as ``read_frames``."""
    frames: list[Atoms] = []
    names: list[str] = []
    for file in files:
        found = read_frames(file)
        frames += found
        names += [f"{file}: frame {index}" for index in range(len(found))]
    return NamedFrames(frames, names)


def split(
    data: NamedFrames, fraction: float, group_by: str | None, seed: int
) -> tuple[NamedFrames, NamedFrames]:
    """Training and validation frames, at random, groups of frames kept together.

    ``group_by`` names an entry of the frames' ``info``; a value counts within its file.

    Raises
    ------
    InputError
        A frame lacks the entry, or there are too few frames or groups to split.
    """
    groups: dict[tuple[str, str], list[int]] = {}
    for index, (frame, name) in enumerate(zip(*data, strict=True)):
        if group_by is None:
            key = (name, "")
        elif group_by in frame.info:
            key = (name.rpartition(":")[0], str(frame.info[group_by]))
        else:
            raise InputError(
                f"{name}: expected an entry '{group_by}' to group by, found "
                f"{', '.join(frame.info) or 'none'}"
            )
        groups.setdefault(key, []).append(index)
    if len(groups) < 2:
        what = "frames" if group_by is None else f"values of '{group_by}'"
        raise InputError(
            f"{data.names[0].rpartition(':')[0]}: expected at least two {what} to hold some back "
            f"for validation, found {len(groups)}"
        )
    members = list(groups.values())
    order = np.random.default_rng(seed).permutation(len(members))
    n_validation = min(max(1, round(fraction * len(members))), len(members) - 1)
    held_back = {index for group in order[:n_validation] for index in members[group]}
    everything = range(len(data.frames))
    return (
        _select(data, [index for index in everything if index not in held_back]),
        _select(data, sorted(held_back)),
    )


def _select(data: NamedFrames, indices: list[int]) -> NamedFrames:
    return NamedFrames(
        [data.frames[index] for index in indices], [data.names[index] for index in indices]
    )
