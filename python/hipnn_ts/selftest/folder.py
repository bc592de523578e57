"""The files in one folder through which the self-test and its worker processes communicate."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read, write

from hipnn_ts.selftest.dynamics import N_STEPS, Start, Trajectory
from hipnn_ts.selftest.questions import Answers

MODEL = "model.pt"
_FRAMES, _START = "frames.traj", "start.traj"
_TIMESTEP = "timestep_fs"


def write_frames(folder: Path, frames: list[Atoms]) -> None:
    """Bit for bit, as everything here."""
    write(folder / _FRAMES, frames)


def read_frames(folder: Path) -> list[Atoms]:
    """The frames that ``write_frames`` wrote."""
    return read(folder / _FRAMES, ":")


def write_start(folder: Path, start: Start) -> None:
    """The start of the dynamics, velocities included."""
    atoms = start.atoms.copy()
    atoms.info[_TIMESTEP] = start.timestep
    write(folder / _START, atoms)


def read_start(folder: Path) -> Start:
    """The start that ``write_start`` wrote."""
    atoms = read(folder / _START)
    return Start(atoms, atoms.info[_TIMESTEP], N_STEPS)


def write_answers(folder: Path, path: str, answers: Answers, trajectory: Trajectory | None) -> None:
    """Answers of one path; virials are left out if it has none."""
    content = answers._asdict() | ({} if trajectory is None else trajectory._asdict())
    np.savez(
        _of(folder, path), **{key: value for key, value in content.items() if value is not None}
    )


def read_answers(folder: Path, path: str) -> tuple[Answers, Trajectory | None]:
    """The answers that ``write_answers`` wrote."""
    with np.load(_of(folder, path)) as content:
        answers = Answers(content["energies"], content["forces"], content.get("virials"))
        if "potential" not in content:
            return answers, None
        return answers, Trajectory(content["potential"], content["kinetic"])


def _of(folder: Path, path: str) -> Path:
    return folder / f"{path.replace(':', '-')}.npz"
