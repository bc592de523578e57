"""Training of the members, and export of their committee with its errors."""

from pathlib import Path
from typing import Any

import numpy as np

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.evaluation.compare import compare, load_potential
from hipnn_ts.evaluation.ensemble import members_of
from hipnn_ts.evaluation.errors import errors_of
from hipnn_ts.export import export_committee
from hipnn_ts.learning.folder import (
    ERRORS,
    FRAMES,
    MODEL,
    claimed,
    label_file,
    read_frames,
    write_json,
)
from hipnn_ts.training.config import parse_config
from hipnn_ts.training.fit import train


def member_folder(round_: Path, member: int) -> Path:
    """configuration of its training"""
    return round_ / f"member-{member + 1}"


def train_members(contents: dict[str, dict[str, Any]]) -> None:
    """Train members one after the other, or continue where a killed run stopped.

    Parameters
    ----------
    contents : configurations for `hipnn-ts train`, by output directory
    """
    for folder, content in contents.items():
        with claimed(Path(folder)):
            train(parse_config(content, "training"), folder, resume=True)


def make_committee(round_: str, before: str | None) -> None:
    """Export the round's members and write their errors.

    Parameters
    ----------
    round_ : folder of the round
    before : the committee of the previous round, with which this round's frames were chosen
    """
    folder = Path(round_)
    with claimed(folder / MODEL):
        files = members_of(folder)
        members = [load_checkpoint(file) for file in files]
        export_committee(members, folder / MODEL, [file.parent.name for file in files])
        potential = load_potential(folder / MODEL)
        errors = {
            use: _errors(potential, read_frames(folder / f"{use}.extxyz"))
            for use in ("train", "held_back")
        }
        write_json(
            folder / ERRORS,
            errors | {"chosen": [] if before is None else _as_chosen(Path(before), folder)},
        )


def _errors(potential: Any, frames: list) -> dict[str, float]:
    """meV/atom and meV/Å."""
    found = errors_of(compare(potential, frames))
    names = ("energy_mae", "energy_rmse", "forces_mae", "forces_rmse")
    return {"frames": len(frames)} | {name: found[name] for name in names}


def _as_chosen(model: Path, round_: Path) -> list[dict[str, Any]]:
    """The deviation of the previous committee on each frame, beside its error there."""
    potential = load_potential(model)
    labelled = [
        read_frames(file)[0]
        for index in range(len(read_frames(round_ / FRAMES)))
        if (file := label_file(round_, index)).exists()
    ]
    comparison = compare(potential, labelled)
    return [
        {
            "deviation": float(frame.info["max_devi_f"]),
            "error": float(np.linalg.norm(found - frame.get_forces(), axis=1).max()),
            "use": frame.info["use"],
        }
        for frame, found in zip(labelled, comparison.forces, strict=True)
    ]
