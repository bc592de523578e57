"""Time sides fairly on a noisy machine: alternate them, and keep medians and all raw times."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from benchmarks.report import ROOT


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turn(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list]:
    """Call all sides once in each round; the results of each side, one for each round."""
    found = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            found[name].append(side())
    return found


def alternate(
    sides: dict[str, Callable],
    repeats: int,
    turn: float = 1.0,
    finish: Callable[[], object] = lambda: None,
) -> dict[str, dict]:
    """Time all sides alternately, ``repeats`` times; each turn lasts about ``turn`` seconds.

    ``finish`` ends each turn: it waits for work that calls have only started.

    Returns
    -------
    dict of side -> {"median": s, "minimum": s, "raw": [s, ...]}, seconds for one call.
    """

    def timed(call: Callable) -> Callable[[], float]:
        def several(n: int) -> None:
            for _ in range(n):
                call()
            finish()

        several(1)
        n = max(1, round(turn / seconds(partial(several, 1))))
        return lambda: seconds(partial(several, n)) / n

    return summaries(in_turn({name: timed(call) for name, call in sides.items()}, repeats))


def summaries(raw: dict[str, list[float]]) -> dict[str, dict]:
    """Median and minimum of each side's times, and the times."""
    return {n: {"median": median(t), "minimum": min(t), "raw": t} for n, t in raw.items()}


def medians(raw: dict[str, list[float]]) -> dict[str, float]:
    """Median of each side's values."""
    return {name: median(values) for name, values in raw.items()}


def asked(module: str, *arguments: object, threads: int = 1) -> dict:
    """Run a module in a process of its own; the JSON on the last line that it prints."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{run.stdout}{run.stderr}")
    return json.loads(run.stdout.splitlines()[-1])
