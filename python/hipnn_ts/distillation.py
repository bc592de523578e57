"""Frames of a potential's own dynamics, labelled by it, on which another potential is trained.

A student that learns from a committee errs as little as the committee and costs as little as one
member. The authors of HIP-NN train students so, on labels for the reference data's own geometries:
S. Matin et al., Digital Discovery 2025 (arXiv:2502.05379), and arXiv:2503.14293. Here the
geometries are new ones, hotter than the data, where networks trained on few frames differ most.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.dynamics import bare, langevin
from hipnn_ts.errors import InputError
from hipnn_ts.stability import HOT

LABELS = "energy", "forces", "stress"
DEVIATIONS = "forces_std", "forces_uncertainty"  # of a committee, of a single network
VAIN = 20  # walks without any frame after which sampling gives up


class Sampling(NamedTuple):
    """How to walk: K, fs and 1/fs. A walk ends after ``length`` frames, or where a force deviates
    by more than ``stop`` (eV/Å) among the members or is as uncertain."""

    temperatures: tuple[float, ...]
    timestep: float = 0.5
    interval: float = 25.0
    length: int = 10
    stop: float = 1.0
    friction: float = 0.02
    seed: int = 0


def distil(
    model: str | Path,
    structures: Sequence[Atoms],
    number: int,
    sampling: Sampling,
    processes: int = 1,
) -> Iterator[Atoms]:
    """So many frames with energy (eV), forces (eV/Å) and, where defined, stress (eV/Å³).

    Walks take the temperatures in turn; each begins from a structure that is drawn at random. The
    frames do not depend on ``processes``.

    Raises
    ------
    InputError
        The model cannot be read or cannot evaluate a structure, or walks end before their first
        frame.
    """
    left, vain = number, 0
    for frames in _walks(model, structures, sampling, processes):
        vain = 0 if frames else vain + 1
        if vain == VAIN:
            raise InputError(
                f"{model}: expected walks of at least {sampling.interval:g} fs, found {VAIN} in a "
                f"row that ended before, because forces deviate by more than {sampling.stop:g} "
                "eV/Å or atoms fly apart; choose lower temperatures, or train the committee longer"
            )
        yield from frames[:left]
        left -= len(frames)
        if left <= 0:
            return


def walk(
    structures: Sequence[Atoms], calculator: Calculator, sampling: Sampling, number: int
) -> list[Atoms]:
    """Frames of walk ``number``; ``temperature`` (K) and the largest deviation (``max_devi_f``,
    eV/Å, where the model has one) are in their ``info``.

    Raises InputError if the structure it begins with cannot be evaluated."""
    random = np.random.default_rng([sampling.seed, number])
    temperature = sampling.temperatures[number % len(sampling.temperatures)]
    start = structures[random.integers(len(structures))]
    dynamics = langevin(
        start, calculator, temperature, sampling.timestep, sampling.friction, random
    )
    dynamics.atoms.get_forces()  # what cannot be evaluated at all is no end of a walk
    frames: list[Atoms] = []
    every = max(round(sampling.interval / sampling.timestep), 1)
    for _ in range(sampling.length):
        try:
            dynamics.run(every)
        except InputError:  # no finite forces, or atoms at one place
            break
        results = calculator.results
        deviation = next((float(results[key].max()) for key in DEVIATIONS if key in results), 0.0)
        hot = not dynamics.atoms.get_temperature() <= HOT * temperature
        if hot or not deviation <= sampling.stop:
            break
        frame = bare(dynamics.atoms)
        labels = {key: results[key] for key in LABELS if key in results}
        frame.calc = SinglePointCalculator(frame, **labels)
        frame.info = {"temperature": temperature, "max_devi_f": deviation}
        frames.append(frame)
    return frames


def _walks(
    model: str | Path, structures: Sequence[Atoms], sampling: Sampling, processes: int
) -> Iterator[list[Atoms]]:
    """Frames of each walk, in order, without an end."""
    calculator = HIPNNTSCalculator(model, beyond_training="ignore")
    if processes == 1:
        number = 0
        while True:
            yield walk(structures, calculator, sampling, number)
            number += 1
    with (
        _one_thread(),
        ProcessPoolExecutor(
            processes, get_context("spawn"), _begin, (structures, calculator)
        ) as pool,
    ):
        waiting: deque[Future] = deque()
        number = 0
        try:
            while True:
                while len(waiting) < 2 * processes:
                    waiting.append(pool.submit(_walk, sampling, number))
                    number += 1
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that start meanwhile have one thread each."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


_own: dict[str, object] = {}


def _begin(structures: Sequence[Atoms], calculator: Calculator) -> None:
    """In a new process: keep what every walk needs."""
    _own.update(structures=structures, calculator=calculator)


def _walk(sampling: Sampling, number: int) -> list[Atoms]:
    return walk(_own["structures"], _own["calculator"], sampling, number)
