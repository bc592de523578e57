"""Memory does not grow over a few thousand steps: the short form of `make leaks`."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_memory_is_flat():
    command = [sys.executable, "-m", "benchmarks.physics.soak", "--steps", "2500"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("growth, MiB") == 2
