"""Work on Parsl: threads of this machine by default, or as its configuration says."""

import os
import runpy
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hipnn_ts.errors import InputError
from hipnn_ts.extras import need
from hipnn_ts.learning import processes
from hipnn_ts.learning.sections import JobsConfig


class Jobs:
    """Runs functions of this package; created by ``started``."""

    def __init__(self, kernel: Any, settings: JobsConfig):
        self._kernel = kernel
        self.settings = settings

    def run(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Results of the function for each set of arguments, in order.

        Raises
        ------
        Exception
            The exception of the first piece that failed, without the results of the others.
        """
        from parsl.errors import ParslError

        futures = [self._kernel.submit(function, each, "all", False, (), {}) for each in arguments]
        done = wait(futures, return_when=FIRST_EXCEPTION).done
        try:
            for future in done:
                future.result()
        except ParslError as error:
            raise InputError(
                f"Parsl: expected its workers to run until the end, found {type(error).__name__}: "
                f"{error}; the same command continues the run"
            ) from error
        return [future.result() for future in futures]


@contextmanager
def started(settings: JobsConfig, folder: Path) -> Iterator[Jobs]:
    """Parsl for the duration of a run; its logs go to ``folder``.

    Raises
    ------
    InputError
        Parsl is not installed, or its configuration cannot be used.
    """
    need("parsl", "hipnn-ts learn")
    from parsl.dataflow.dflow import DataFlowKernel

    config = _local(settings) if settings.parsl is None else _configured(settings.parsl)
    if config.run_dir == "runinfo":  # Parsl's default, relative to the current folder
        config.run_dir = str(folder)
    # Its programs are beside this Python, even if a shell would not find them.
    programs = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])
    try:
        kernel = DataFlowKernel(config)
    except Exception as error:  # whatever its executors raise
        raise InputError(
            f"{settings.parsl or 'Parsl'}: expected a configuration that starts, found "
            f"{type(error).__name__}: {error}"
        ) from error
    try:
        yield Jobs(kernel, settings)
    except BaseException:
        processes.stop_all()
        raise
    finally:
        kernel.cleanup()  # also ends jobs that wait
        processes.allow()


def _local(settings: JobsConfig) -> Any:
    from parsl import Config
    from parsl.executors import ThreadPoolExecutor

    threads = ThreadPoolExecutor(max_threads=settings.workers)
    return Config(executors=[threads], strategy="none", initialize_logging=False)


def _configured(path: Path) -> Any:
    from parsl import Config

    try:
        config = runpy.run_path(str(path)).get("config")
    except Exception as error:  # the file is a program
        raise InputError(
            f"{path}: expected Python that defines config, a parsl.Config, found "
            f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(config, Config):
        raise InputError(
            f"{path}: expected Python that defines config, a parsl.Config, found {config!r}"
        )
    return config
