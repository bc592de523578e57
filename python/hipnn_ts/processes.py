"""Running other programs to their end, for code that can end or hang its process."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

TIMEOUT = 120  # seconds; a cold start of torch from a network disk takes tens of seconds


def run(
    command: list[str], folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Exit status and all output of a command; 124 if it took too long, 126 if it does not exist.

    ``environment`` is added to the environment of this process.
    """
    try:
        done = completed(command, folder, environment, TIMEOUT, stderr=subprocess.STDOUT)
    except OSError as error:
        return 126, str(error)
    except subprocess.TimeoutExpired:
        return 124, f"no end within {TIMEOUT} s"
    return done.returncode, done.stdout


def completed(
    command: list[str],
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
    stderr: int = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    """The finished command; its children are ended with it where it takes longer.

    Raises
    ------
    OSError
        The command is not there.
    subprocess.TimeoutExpired
        It took more than ``timeout`` seconds.
    """
    # A session of its own, so that an MPI launcher that hangs takes its ranks along.
    with subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=stderr,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def program(name: str) -> str | None:
    """The program that a shell would start, or else the one beside this Python."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def last_line(text: str) -> str:
    """The last line that is not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
