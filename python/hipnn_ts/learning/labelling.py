"""Labels: energy, forces and stress of the reference method, or the failure, in one file each.

``label`` supervises, and ``compute`` works in a separate process. If that process crashes or takes
too long, its current structure has failed, and a new process continues with the rest.
"""

import os
import shutil
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.singlepoint import SinglePointCalculator

from hipnn_ts.errors import InputError
from hipnn_ts.frames import write_frames
from hipnn_ts.learning import processes
from hipnn_ts.learning.folder import (
    FRAMES,
    claimed,
    failure_file,
    is_labelled,
    label_file,
    make,
    read_frames,
    round_folder,
    write_json,
)
from hipnn_ts.learning.reference import make_calculator
from hipnn_ts.learning.sections import ReferenceConfig

START = 300.0  # seconds that Python and the calculator may take to start


def label(round_: Path, indices: list[int], reference: dict[str, Any], threads: int) -> None:
    """Label the frames of a round that have no label yet.

    Parameters
    ----------
    round_ : folder of the round
    indices : indices of its frames
    reference : content of ``ReferenceConfig``
    threads : threads of the reference method (OMP_NUM_THREADS)

    Raises
    ------
    InputError
        The calculator cannot be created, or labels cannot be written.
    """
    log = make(round_ / "labels") / f"{indices[0]:04d}.log"
    limit = ReferenceConfig(**reference).time_limit
    while left := [index for index in indices if not is_labelled(round_, index)]:
        arguments = {"round_": str(round_), "indices": left, "reference": reference}
        with processes.started("labelling:compute", arguments, threads, log) as process:
            at, in_time = _watched(process, limit)
            if in_time:
                process.wait()
        refused = process.returncode == processes.REFUSED or processes.interrupted(process)
        if at is None or (in_time and refused):
            processes.judge(process, "labelling", log)
        if process.returncode != 0 or not in_time:
            why = (
                f"ended by {processes.ending(process.returncode)}"
                if in_time
                else f"no end within {limit:g} s"
            )
            if not is_labelled(round_, at):
                write_json(failure_file(round_, at), {"why": why})


def _watched(process: Any, limit: float) -> tuple[int | None, bool]:
    """The frame at which the process ended, and whether each took at most ``limit`` seconds."""
    at, in_time = None, True

    def too_late() -> None:
        nonlocal in_time
        in_time = False
        processes.kill(process)

    seconds = START
    while True:
        timer = threading.Timer(seconds, too_late)
        timer.start()
        line = process.stdout.readline()
        timer.cancel()
        if not line:
            return at, in_time
        at, seconds = int(line), limit


def compute(round_: str, indices: list[int], reference: dict[str, Any]) -> None:
    """Label frames one after the other in this process, announcing each on standard output."""
    folder, settings = Path(round_), ReferenceConfig(**reference)
    # The calculator's own output must not be mistaken for ours.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    make_calculator(settings)
    frames = read_frames(folder / FRAMES)
    home = Path.cwd()
    for index in indices:
        with claimed(label_file(folder, index)):
            if is_labelled(folder, index):
                continue
            print(index, file=channel, flush=True)
            scratch = make(folder / "scratch" / f"{index:04d}")
            os.chdir(scratch)  # many calculators write into the current folder
            try:
                labelled, why = _labelled(frames[index], settings), ""
            except InputError:
                raise
            except Exception as error:  # calculators raise any exception when they fail
                labelled, why = None, _reason(error)
                print(f"{index}: {why}", file=sys.stderr)
            finally:
                os.chdir(home)
            if labelled is None:
                write_json(failure_file(folder, index), {"why": why})
            else:
                write_frames(label_file(folder, index), [labelled])
                shutil.rmtree(scratch, ignore_errors=True)


def _labelled(frame: Atoms, reference: ReferenceConfig) -> Atoms:
    atoms = frame.copy()
    atoms.calc = make_calculator(reference)
    results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
    if atoms.cell.rank == 3 and atoms.pbc.any():
        with suppress(PropertyNotImplementedError, NotImplementedError):
            results["stress"] = atoms.get_stress()
    for name, values in results.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name} is not finite")
    labelled = frame.copy()
    labelled.arrays.pop("forces_std", None)
    labelled.calc = SinglePointCalculator(labelled, **results)
    return labelled


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def gather(output: Path, number: int) -> None:
    """Write all labels up to a round into its folder, by their use.

    Raises
    ------
    InputError
        There are no labels to train on, or none to hold out.
    """
    folder = round_folder(output, number)
    if (folder / "held_back.extxyz").exists():  # the second of the two
        return
    parts: dict[str, list[Atoms]] = {"train": [], "held_back": []}
    for earlier in (round_folder(output, k) for k in range(number + 1)):
        for file in sorted((earlier / "labels").glob("*.extxyz")):
            for frame in read_frames(file):
                parts[frame.info["use"]].append(frame)
    for use, frames in parts.items():
        if not frames:
            raise InputError(
                f"{folder / 'labels'}: expected labels to train on and to hold back, found "
                f"{len(parts['train'])} and {len(parts['held_back'])}, because others failed; "
                "remove *.failed.json there to try again"
            )
        write_frames(folder / f"{use}.extxyz", frames)
