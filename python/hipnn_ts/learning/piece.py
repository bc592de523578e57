"""The process of one piece of work: python -m hipnn_ts.learning.piece module:function."""

import json
import os
import signal
import sys
from importlib import import_module

from hipnn_ts.errors import InputError
from hipnn_ts.extras import explained
from hipnn_ts.learning.processes import REFUSED, end_with_parent


def _read_line() -> bytes:
    """Unbuffered, because the rest of standard input is watched."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 1)
        if not part:
            break
        line += part
    return line


def _die() -> None:
    """Including the processes that it started, for example a calculator's program."""
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Arguments are one line of JSON on standard input."""
    module, name = sys.argv[1].split(":")
    arguments = json.loads(_read_line())
    end_with_parent(_die)
    try:
        getattr(import_module(f"hipnn_ts.learning.{module}"), name)(**arguments)
    except (InputError, ModuleNotFoundError) as error:
        if isinstance(error, ModuleNotFoundError):
            error = explained(error, "hipnn-ts learn")
        if not isinstance(error, InputError):
            raise error
        print(error, file=sys.stderr)
        sys.exit(REFUSED)


if __name__ == "__main__":
    main()
