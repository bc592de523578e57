"""Frames for training and frames for validation."""

from collections.abc import Sequence

import numpy as np

from hipnn_ts.data.list_on_disk import ListOnDisk
from hipnn_ts.data.read import NamedFrames
from hipnn_ts.errors import InputError


def split(
    data: NamedFrames, fraction: float, group_by: str | None, seed: int
) -> tuple[NamedFrames, NamedFrames]:
    """Training and validation frames, drawn at random; groups of frames stay together.

    ``group_by`` names an entry of the frames' ``info``; equal values count as a group only within
    one file.

    Raises
    ------
    InputError
        A frame lacks the entry, or there are too few frames or groups to split.
    """
    groups = np.arange(len(data.frames)) if group_by is None else _groups(data, group_by)
    n_groups = int(groups.max()) + 1
    if n_groups < 2:
        what = "frames" if group_by is None else f"values of '{group_by}'"
        raise InputError(
            f"{data.names[0].rpartition(':')[0]}: expected at least two {what} to hold some back "
            f"for validation, found {n_groups}"
        )
    order = np.random.default_rng(seed).permutation(n_groups)
    n_validation = min(max(1, round(fraction * n_groups)), n_groups - 1)
    held_back = np.isin(groups, order[:n_validation])
    return (
        select(data, np.flatnonzero(~held_back), data.remarks),
        select(data, np.flatnonzero(held_back)),
    )


def _groups(data: NamedFrames, group_by: str) -> np.ndarray:
    """Number of each frame's group, (frames,), from 0 in order of appearance."""
    numbers: dict[tuple[str, str], int] = {}
    groups = np.empty(len(data.frames), dtype=int)
    for index, (frame, name) in enumerate(zip(data.frames, data.names, strict=True)):
        if group_by not in frame.info:
            raise InputError(
                f"{name}: expected an entry '{group_by}' to group by, found "
                f"{', '.join(frame.info) or 'none'}"
            )
        key = (name.rpartition(":")[0], str(frame.info[group_by]))
        groups[index] = numbers.setdefault(key, len(numbers))
    return groups


def select(data: NamedFrames, indices: Sequence[int], remarks: tuple[str, ...] = ()) -> NamedFrames:
    """Some of the frames, in the given order; frames on disk stay there."""
    return NamedFrames(_chosen(data.frames, indices), _chosen(data.names, indices), remarks)


def _chosen(entries: Sequence, indices: Sequence[int]) -> Sequence:
    if isinstance(entries, ListOnDisk):
        return entries.chosen(indices)
    return [entries[index] for index in indices]
