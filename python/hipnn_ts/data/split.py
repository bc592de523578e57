"""Frames to train on and frames to validate with."""

import numpy as np

from hipnn_ts.data.read import NamedFrames
from hipnn_ts.errors import InputError


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
    for index, (frame, name) in enumerate(zip(data.frames, data.names, strict=True)):
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
        _select(data, [i for i in everything if i not in held_back], data.left_out),
        _select(data, sorted(held_back)),
    )


def _select(data: NamedFrames, indices: list[int], left_out: int = 0) -> NamedFrames:
    return NamedFrames(
        [data.frames[index] for index in indices],
        [data.names[index] for index in indices],
        left_out,
    )
