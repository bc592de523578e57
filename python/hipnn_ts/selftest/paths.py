"""Every path that may be installed to evaluate a model."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ase import Atoms

from hipnn_ts.lammps.launch import lmp_command
from hipnn_ts.processes import last_line, run
from hipnn_ts.selftest import lammps
from hipnn_ts.selftest.dynamics import Trajectory
from hipnn_ts.selftest.folder import read_answers, read_start
from hipnn_ts.selftest.missing import STATUS
from hipnn_ts.selftest.questions import Answers

INSTRUCTION_SETS = ("plain", "avx2", "avx512")


class MissingError(Exception):
    """Not installed here, or not possible with this model or machine; this is not a failure."""


class PathError(Exception):
    """Installed, but gives no answer."""


Answering = Callable[[Path, list[Atoms]], tuple[Answers, Trajectory | None]]


def plain_torch(folder: Path, frames: list[Atoms]) -> tuple[Answers, None]:
    """The path with which all others are compared. Raises the errors of their functions."""
    return _worker("torch", {}, folder, frames)[0], None


def paths(portable: bool) -> Iterator[tuple[str, Answering]]:
    """Names, and functions of the folder and frames that return a path's answers.

    Each raises MissingError or PathError if there are none.
    """
    if portable:
        yield "Python, TorchScript", partial(_worker, "python", {})
    else:
        for name in INSTRUCTION_SETS:
            yield f"Python, {name}", partial(_worker, "python", {"HIPNN_TS_ISA": name})
    yield "Python, CUDA", partial(_worker, "cuda", {})
    yield "LAMMPS", partial(_lammps, 1)
    yield "LAMMPS, 2 ranks", partial(_lammps, 2)
    yield from _openmm()


def _worker(
    path: str, environment: dict[str, str], folder: Path, frames: list[Atoms]
) -> tuple[Answers, Trajectory | None]:
    command = [sys.executable, "-m", "hipnn_ts.selftest.worker", path, str(folder)]
    code, output = run(command, environment=environment)
    if code == 0:
        return read_answers(folder, path)
    if code == STATUS:
        raise MissingError(last_line(output))
    raise PathError(f"killed by signal {-code}" if code < 0 else last_line(output))


def _lammps(ranks: int, folder: Path, frames: list[Atoms]) -> tuple[Answers, Trajectory]:
    try:
        lmp, *_ = lmp_command()
        lmp_command(ranks)
    except FileNotFoundError as error:
        raise MissingError(f"not installed: {error}") from error
    try:
        return lammps.answer(ranks, folder, frames, *read_start(folder))
    except lammps.RunError as error:
        if "Unrecognized pair style" in str(error):
            raise MissingError(f"{lmp} has no pair_style hipnn/ts; see hipnn-ts doctor") from error
        raise PathError(str(error)) from error


def _openmm() -> Iterator[tuple[str, Answering]]:
    try:
        from openmm import Platform
    except ModuleNotFoundError as error:
        yield "OpenMM", partial(_missing, f"no package {error.name}")
        return
    except ImportError as error:
        yield "OpenMM", partial(_broken, last_line(str(error)))
        return
    for index in range(Platform.getNumPlatforms()):
        name = Platform.getPlatform(index).getName()
        yield f"OpenMM, {name}", partial(_worker, f"openmm:{name}", {})


def _missing(reason: str, folder: Path, frames: list[Atoms]) -> tuple[Answers, Trajectory]:
    raise MissingError(reason)


def _broken(reason: str, folder: Path, frames: list[Atoms]) -> tuple[Answers, Trajectory]:
    raise PathError(reason)
