"""What passes between the self-test and the processes that answer it: files in one folder."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.io import read, write

from hipnn_ts.selftest.questions import Answers

MODEL = "model.pt"
_FRAMES, _START = "frames.traj", "start.traj"
TIMESTEP = 0.2  # fs
N_STEPS = 100


class Trajectory(NamedTuple):
    """Energies after each step at constant energy, eV."""

    potential: np.ndarray  # (steps,)
    kinetic: np.ndarray  # (steps,)


class Start(NamedTuple):
    """Positions, cell and velocities, and how to go on from there."""

    atoms: Atoms
    timestep: float  # fs
    n_steps: int


def write_frames(folder: Path, frames: list[Atoms]) -> None:
    """Bit for bit, as all here."""
    write(folder / _FRAMES, frames)


def read_frames(folder: Path) -> list[Atoms]:
    """What ``write_frames`` wrote."""
    return read(folder / _FRAMES, ":")


def write_start(folder: Path, atoms: Atoms) -> None:
    """Where the dynamics begins, velocities included."""
    write(folder / _START, atoms)


def read_start(folder: Path) -> Start:
    """What ``write_start`` wrote."""
    return Start(read(folder / _START), TIMESTEP, N_STEPS)


def write_answers(folder: Path, path: str, answers: Answers, trajectory: Trajectory | None) -> None:
    """Of one path; virials are left out where it has none."""
    content = answers._asdict() | ({} if trajectory is None else trajectory._asdict())
    np.savez(
        _of(folder, path), **{key: value for key, value in content.items() if value is not None}
    )


def read_answers(folder: Path, path: str) -> tuple[Answers, Trajectory | None]:
    """What ``write_answers`` wrote."""
    with np.load(_of(folder, path)) as content:
        answers = Answers(content["energies"], content["forces"], content.get("virials"))
        if "potential" not in content:
            return answers, None
        return answers, Trajectory(content["potential"], content["kinetic"])


def _of(folder: Path, path: str) -> Path:
    return folder / f"{path.replace(':', '-')}.npz"
