"""The start of a run, before there is a potential: initial structures and first labels."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read

from hipnn_ts.dynamics import bare
from hipnn_ts.errors import InputError
from hipnn_ts.frames import write_frames
from hipnn_ts.learning.folder import make, read_frames
from hipnn_ts.learning.sampling import rattled
from hipnn_ts.learning.sections import LearnConfig

STARTS = "starts.extxyz"


def take_starts(config: LearnConfig, output: Path) -> None:
    """Store the structures of the configuration in the run's folder.

    Raises
    ------
    InputError
        A file cannot be read, or differs from the one with which this run began, or a structure
        has no volume that a barostat could change.
    """
    frames = []
    for file in config.structures:
        try:
            found = [bare(frame) for frame in read(file, ":")]
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
        except Exception as error:  # ASE's readers declare no exceptions
            raise InputError(
                f"{file}: expected structures in a format that ASE knows, found what it cannot "
                f"read ({type(error).__name__}: {error})"
            ) from error
        if config.sampling.pressures:
            _check_volumes(file, found)
        frames += found
    if not frames:
        raise InputError(f"{config.structures[0]}: expected structures, found none")
    file = output / STARTS
    if not file.exists():
        write_frames(file, frames)
    elif not _same(read_frames(file), frames):
        raise InputError(
            f"{config.structures[0]}: expected the structures that this run began with, found "
            f"others; start a new run elsewhere, or put those of {file} back"
        )


def _check_volumes(file: Path, frames: list[Atoms]) -> None:
    for index, frame in enumerate(frames):
        if not frame.pbc.all():
            periodic = "".join("T" if each else "F" for each in frame.pbc)
            raise InputError(
                f"{file}: frame {index}: expected three periodic directions, because "
                f"sampling.pressures are given, found pbc {periodic}"
            )


def first_frames(
    config: LearnConfig,
    output: Path,
    round_: Path,
    run: Callable[[str, list[tuple[dict[str, Any], Path]]], None],
) -> list[Atoms]:
    """Structures for the first labels; ``run`` runs a function in separate processes, with
    arguments and a log for each."""
    first, starts = config.first, output / STARTS
    if first.method == "rattle":
        seed = [config.seed, 0, 0]
        return rattled(read_frames(starts), first.labels, first.displacement, seed, first.strain)
    walkers = min(config.sampling.walkers, first.labels)
    folder = make(round_ / "walks")
    files = [folder / f"reference-{k + 1}.extxyz" for k in range(walkers)]
    common = {
        "config": config.model_dump(mode="json"),
        "starts": str(starts),
        "n": -(-first.labels // walkers),
    }
    run(
        "walking:run_reference",
        [
            (common | {"file": str(file), "walker": k}, file.with_suffix(".log"))
            for k, file in enumerate(files)
            if not file.exists()
        ],
    )
    return [frame for file in files for frame in read_frames(file)][: first.labels]


def _same(left: list[Atoms], right: list[Atoms]) -> bool:
    return len(left) == len(right) and all(
        a.numbers.tolist() == b.numbers.tolist()
        and np.allclose(a.positions, b.positions, atol=1e-6)
        and np.allclose(a.cell, b.cell, atol=1e-6)
        and a.pbc.tolist() == b.pbc.tolist()
        for a, b in zip(left, right, strict=True)
    )
