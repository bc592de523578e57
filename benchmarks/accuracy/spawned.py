"""Trainings in processes of their own."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any


def workers(count: int) -> ProcessPoolExecutor:
    """So many at a time."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def spawned(train: Callable[..., Any], *arguments: Any) -> Any:
    """What a training returns whose clock is that of a process.

    Threads that hippynn's numba starts go on spinning beside whatever its process does next, and
    the clock counts them.
    """
    with workers(1) as pool:
        return pool.submit(train, *arguments).result()
