"""The folder of a run: finished work is there as complete files and is not done again."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from ase import Atoms
from ase.io import read

from hipnn_ts.errors import InputError
from hipnn_ts.files import replacing
from hipnn_ts.validation import first_difference, read_mapping

CONFIG = "config.yaml"
MODEL = "model.pt"
REPORT = "report.html"
FRAMES = "frames.extxyz"  # in a round: what is to be labelled
SUMMARY = "summary.json"  # in a round: written when it is over
ERRORS = "errors.json"  # in a round: its committee
WAIT = 20.0  # seconds in which processes of a killed run notice its end


def round_folder(output: Path, round_: int) -> Path:
    """The folder of a round."""
    return output / f"round-{round_}"


def label_file(round_: Path, index: int) -> Path:
    """A label: a frame with energy and forces."""
    return round_ / "labels" / f"{index:04d}.extxyz"


def failure_file(round_: Path, index: int) -> Path:
    """The reason, instead of a label, if labelling failed."""
    return round_ / "labels" / f"{index:04d}.failed.json"


def is_labelled(round_: Path, index: int) -> bool:
    """Whether a structure has a label or has failed."""
    return label_file(round_, index).exists() or failure_file(round_, index).exists()


def make(folder: Path) -> Path:
    """The folder, created if needed. Raises InputError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error
    return folder


def read_frames(path: Path) -> list[Atoms]:
    """The frames that ``write_frames`` wrote; none if there is no file."""
    return read(path, ":", format="extxyz") if path.stat().st_size else []


def write_json(path: Path, content: Any) -> None:
    """Written completely or not at all. Raises InputError."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")


def read_json(path: Path) -> Any:
    """The content that ``write_json`` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def opened(output: Path, identity: dict[str, Any]) -> Iterator[None]:
    """The folder of this run alone, with a description of the run.

    Raises
    ------
    InputError
        The folder cannot be written, contains another run, or is in use by one.
    """
    make(output)
    with _locked(output / ".lock", WAIT) as free:
        if not free:
            raise InputError(
                f"{output}: expected a directory to learn in, found one where a run is learning "
                "now; choose another, or wait for its end"
            )
        if (output / CONFIG).exists():
            found = first_difference(read_mapping(output / CONFIG), identity, "")
            if found:
                raise InputError(
                    f"{output}: expected the configuration that this run began with, found another "
                    f"one: {found.removeprefix('.')}; start a new run elsewhere"
                )
        else:
            if any(not path.name.startswith(".") for path in output.iterdir()):
                raise InputError(
                    f"{output}: expected a new directory or one of an earlier run, found other "
                    "files in it"
                )
            with replacing(output / CONFIG) as temporary:
                temporary.write_text(yaml.safe_dump(identity, sort_keys=False, allow_unicode=True))
        yield


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Only one process at a time makes ``path``, even if a process of a killed run is still
    working on it."""
    with _locked(make(path.parent / ".locks") / path.name, None):
        yield


@contextmanager
def _locked(path: Path, wait: float | None) -> Iterator[bool]:
    """Whether the lock became free within some seconds, or ever; the lock ends with the process."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise InputError(f"{path.parent}: cannot be written: {error.strerror}") from error
    end = None if wait is None else time.monotonic() + wait
    try:
        yield _wait_for(handle, end)
    finally:
        os.close(handle)


def _wait_for(handle: int, end: float | None) -> bool:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if end is not None and time.monotonic() > end:
                return False
            time.sleep(0.1)
        except OSError:
            return True  # not every network file system supports such locks
        else:
            return True
