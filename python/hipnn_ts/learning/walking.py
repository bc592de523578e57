"""The sampling work, each piece in a separate process."""

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.frames import write_frames
from hipnn_ts.learning.folder import claimed, make, read_frames, read_json, write_json
from hipnn_ts.learning.reference import make_calculator
from hipnn_ts.learning.sampling import steps, walk
from hipnn_ts.learning.sections import LearnConfig


def walker_file(round_: Path, walker: int) -> Path:
    """Frames of a walker; the ends of its walks are beside them, as .json, and are written last."""
    return round_ / "walks" / f"walker-{walker + 1}.extxyz"


def read_ends(round_: Path, walker: int) -> list[dict[str, Any]]:
    """How the walks of a walker ended; see ``sampling.walk``."""
    return read_json(walker_file(round_, walker).with_suffix(".json"))


def run_walker(
    config: dict[str, Any], starts: str, model: str, round_: str, walker: int, number: int
) -> None:
    """Walk with the committee in round ``number`` and store the frames."""
    settings = LearnConfig(**config)
    file = walker_file(Path(round_), walker)
    make(file.parent)
    with claimed(file):
        if file.with_suffix(".json").exists():
            return
        calculator = HIPNNTSCalculator(model, beyond_training="ignore")
        seed = [settings.seed, number, 2, walker]
        frames, ends = walk(read_frames(Path(starts)), calculator, settings.sampling, walker, seed)
        write_frames(file, frames)
        write_json(file.with_suffix(".json"), ends)


def run_reference(config: dict[str, Any], starts: str, file: str, walker: int, n: int) -> None:
    """Frames of dynamics with the reference method, until it ends or fails."""
    settings = LearnConfig(**config)
    with claimed(Path(file)):
        if Path(file).exists():
            return
        structures = read_frames(Path(starts))
        frames = reference_walk(structures, settings, walker, n)
        write_frames(Path(file), frames)


def reference_walk(
    structures: list[Atoms], settings: LearnConfig, walker: int, n: int
) -> list[Atoms]:
    """At most n frames of a walker, or fewer if the reference method failed."""
    sampling, interval = settings.sampling, settings.first.interval
    temperature, _ = sampling.conditions(walker)
    random = np.random.default_rng([settings.seed, 0, 2, walker])
    frames: list[Atoms] = []
    calculator = make_calculator(settings.reference)
    structure = structures[walker % len(structures)]
    try:
        for at in steps(structure, calculator, temperature, sampling, random, n * interval):
            if at.step > 0 and at.step % interval == 0:
                frames.append(at.atoms)
    except Exception:  # calculators raise any exception; the frames so far are used
        if not frames:
            raise
    return frames
