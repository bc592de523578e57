"""Trainings in processes of their own."""

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any


def spawned(train: Callable[..., Any], *arguments: Any, python: str = sys.executable) -> Any:
    """What a training returns whose clock is that of a process, by an interpreter.

    Threads that hippynn's numba starts go on spinning beside whatever its process does next, and
    the clock counts them.
    """
    context = get_context("spawn")
    context.set_executable(python)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(train, *arguments).result()
