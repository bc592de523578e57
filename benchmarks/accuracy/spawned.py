"""Run a function in a process of its own."""

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any


def spawned(train: Callable[..., Any], *arguments: Any, python: str = sys.executable) -> Any:
    """Run a training in a new process of the interpreter ``python``; what it returns.

    Trainings measure the processor time of their process, which would include that of threads that
    hippynn's numba started before and that keep spinning.
    """
    context = get_context("spawn")
    context.set_executable(python)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(train, *arguments).result()
