"""`lmp` started from Python: the one way of the self-test, of benchmarks and of tests."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from hipnn_ts.processes import completed, program

SCRIPT = "in.lmp"


def lmp_command(ranks: int = 1, programs: Path | None = None) -> list[str]:
    """``lmp`` on so many ranks, by mpirun where there is more than one.

    ``programs`` is a folder with both; without it they are those that a shell would start, else
    those beside this Python. Raises FileNotFoundError, which says which of them is missing.
    """

    def found(name: str) -> str:
        path = shutil.which(name, path=str(programs)) if programs else program(name)
        if path is None:
            raise FileNotFoundError(f"no {name}")
        return path

    lmp = found("lmp")
    return [lmp] if ranks == 1 else [found("mpirun"), "-np", str(ranks), lmp]


def lmp_environment(ranks: int = 1, threads: int | None = None) -> dict[str, str]:
    """What a job adds to this process's environment, which says how many threads if not told."""
    environment = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    if ranks > len(os.sched_getaffinity(0)):
        environment["MPIR_CVAR_ENABLE_HEAVY_YIELD"] = "1"  # or ranks that wait hold the cores
    return environment


def launch(
    script: str,
    folder: Path,
    ranks: int = 1,
    threads: int | None = None,
    *,
    options: Sequence[str] = ("-log", "none"),
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
    programs: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run an input script, which is written to ``folder``, to its end.

    ``timeout`` is in seconds. Raises FileNotFoundError as :func:`lmp_command`, and
    subprocess.TimeoutExpired where the job took longer; it is ended then, with all its ranks.
    """
    (folder / SCRIPT).write_text(script)
    command = [*lmp_command(ranks, programs), "-in", SCRIPT, *options]
    variables = lmp_environment(ranks, threads) | dict(environment or {})
    return completed(command, folder, variables, timeout)
