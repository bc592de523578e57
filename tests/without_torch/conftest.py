"""Environments with and without torch, in which tests run programs."""

import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

import hipnn_ts

# torch, packages that need it, and packages that come with it.
LEFT_OUT = (
    "torch",
    "functorch",
    "triton",
    "nvidia",
    "hippynn",
    "openmmtorch",
    "_openmmtorch",
    "vesin",
)


class Environment:
    """A Python interpreter with packages in the given folders."""

    def __init__(self, python: str, folders: list[Path]):
        self._python = python
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "PATH": "/usr/bin:/bin",  # without lmp, which uses another Python
        }

    def run(self, code: str, *words: object, folder: Path | None = None):
        """Run a program; return the finished process with text output."""
        return subprocess.run(
            [self._python, "-c", code, *map(str, words)],
            cwd=folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture(scope="session")
def without_torch(tmp_path_factory):
    """Environment with all packages of this one except torch's, for its base Python."""
    packages = Path(numpy.__file__).parents[1]
    own = Path(hipnn_ts.__file__).parents[1]
    farm = tmp_path_factory.mktemp("packages")
    for entry in packages.iterdir():
        if not entry.name.lower().startswith(LEFT_OUT):
            (farm / entry.name).symlink_to(entry)
    made = Environment(sys._base_executable, [own, farm] if own != packages else [farm])
    found = made.run("import torch")
    if "No module named 'torch'" not in found.stderr:
        pytest.skip(f"no Python without torch here: {found.stderr or 'torch is part of it'}")
    return made


@pytest.fixture(scope="session")
def with_torch():
    """This environment, with torch."""
    return Environment(sys.executable, [Path(path) for path in sys.path if path])
