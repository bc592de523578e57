"""Timing two sides fairly on a noisy machine: alternate, and keep medians and all raw figures."""

import time
from collections.abc import Callable
from statistics import median


def alternate(sides: dict[str, Callable], repeats: int, seconds: float = 1.0) -> dict[str, dict]:
    """Run all sides in turn, ``repeats`` times; each turn lasts about ``seconds``.

    Returns
    -------
    dict of side -> {"median": s, "minimum": s, "raw": [s, ...]}, seconds for one call.
    """
    calls = {}
    for name, call in sides.items():
        call()
        began = time.perf_counter()
        call()
        calls[name] = max(1, round(seconds / (time.perf_counter() - began)))
    raw = {name: [] for name in sides}
    for _ in range(repeats):
        for name, call in sides.items():
            began = time.perf_counter()
            for _ in range(calls[name]):
                call()
            raw[name].append((time.perf_counter() - began) / calls[name])
    return {n: {"median": median(t), "minimum": min(t), "raw": t} for n, t in raw.items()}
