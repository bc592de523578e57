"""Work in a separate process, so that a crash or hang there ends nothing else."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hipnn_ts.errors import InputError
from hipnn_ts.processes import last_line

REFUSED = 3  # exit status of a process whose last line is the sentence of an InputError
INTERRUPTED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)  # by a user or a batch system
_RUNNING: set[subprocess.Popen] = set()
_stopping = threading.Event()


def run(function: str, arguments: dict[str, Any], threads: int, log: Path) -> None:
    """Run a function of this package, ``module:name``, with plain arguments, in a new process.

    Raises
    ------
    InputError
        The function raised one, or the process failed.
    """
    with started(function, arguments, threads, log) as process:
        process.wait()
    judge(process, function, log)


@contextmanager
def started(
    function: str, arguments: dict[str, Any], threads: int, log: Path
) -> Iterator[subprocess.Popen]:
    """The process; its standard output can be read, and other output goes to ``log``.

    It ends when its parent ends, and ends the processes that it started.
    """
    if _stopping.is_set():
        raise InputError(f"{function}: not started, because the run ends")
    try:
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "hipnn_ts.learning.piece", function],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env=os.environ | {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"},
                start_new_session=True,
            )
    except OSError as error:
        raise InputError(f"{log}: cannot be written: {error.strerror}") from error
    _RUNNING.add(process)
    try:
        with suppress(BrokenPipeError):  # its exit status says more
            # The pipe stays open and closes when this process ends.
            process.stdin.write(json.dumps(arguments) + "\n")
            process.stdin.flush()
        yield process
    finally:
        kill(process)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                pipe.close()
        _RUNNING.discard(process)


def kill(process: subprocess.Popen) -> None:
    """End it and the processes that it started; do nothing if it has ended."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def allow() -> None:
    """After ``stop_all``: processes may be started again."""
    _stopping.clear()


def stop_all() -> None:
    """End all running processes, and start no others."""
    _stopping.set()
    for process in list(_RUNNING):
        kill(process)


def interrupted(process: subprocess.Popen) -> bool:
    """Whether it was ended from outside, which says nothing about its work."""
    return _stopping.is_set() or -process.returncode in INTERRUPTED


def judge(process: subprocess.Popen, what: str, log: Path) -> None:
    """Raise InputError if the process failed."""
    if process.returncode == 0:
        return
    said = last_line(log.read_text(errors="replace")) if log.exists() else "no message"
    if process.returncode == REFUSED:
        raise InputError(said)
    raise InputError(
        f"{log}: expected {what} to finish, found {ending(process.returncode)} ({said})"
    )


def ending(status: int) -> str:
    """Exit status or signal in words."""
    if status < 0:
        return f"signal {-status} ({signal.strsignal(-status)})"
    return f"exit status {status}"


def end_with_parent(die: Callable[[], None]) -> None:
    """In the child process: watch standard input, which closes when the parent has ended."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        die()

    threading.Thread(target=watch, daemon=True).start()
