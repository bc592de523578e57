"""Random inputs for a limited time, which are counted.

HIPNN_TS_FUZZ_SECONDS is the time for each test (default 0.5), HIPNN_TS_FUZZ_SEED the seed (0).
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

SECONDS = float(os.environ.get("HIPNN_TS_FUZZ_SECONDS", "0.5"))
SEED = int(os.environ.get("HIPNN_TS_FUZZ_SEED", "0"))
COUNTS: dict[str, int] = {}


class Fuzz:
    """``for random in fuzz:`` yields random generators until the time is over, at least one."""

    seed, seconds = SEED, SECONDS

    def __init__(self, name: str):
        self.name = name

    def __iter__(self):
        end = time.monotonic() + SECONDS
        COUNTS[self.name] = 0
        while COUNTS[self.name] == 0 or time.monotonic() < end:
            yield np.random.default_rng([SEED, COUNTS[self.name]])
            COUNTS[self.name] += 1

    def child(self, folder: Path, files: list[tuple[str, Path]]) -> None:
        """Run child.py on files with their kinds, so that a crash does not end this process."""
        program = Path(__file__).with_name("child.py")
        command = [sys.executable, program, folder, SEED, SECONDS]
        for kind, path in files:
            command += [kind, path]
        paths = str(program.parents[1]), os.environ.get("PYTHONPATH", "")
        done = subprocess.run(
            [str(each) for each in command],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            timeout=len(files) * SECONDS + 120,
        )
        kept = sorted(path.name for path in folder.iterdir())
        assert done.returncode == 0, (
            f"seed {SEED}: status {done.returncode} on the last input, {folder} ({kept}):\n"
            f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
        self.count(int(done.stdout.split()[-1]))

    def count(self, n: int) -> None:
        """Record the number of inputs that another process tried."""
        assert n > 0
        COUNTS[self.name] = n


@pytest.fixture
def fuzz(request):
    return Fuzz(request.node.name)


def pytest_terminal_summary(terminalreporter):
    if COUNTS:
        terminalreporter.write_line(f"fuzzing: inputs tried with seed {SEED}, {SECONDS:g} s each")
        for name, count in COUNTS.items():
            terminalreporter.write_line(f"{count:9d} {name}")
