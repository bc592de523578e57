"""Frames of a potential's own dynamics, labelled by it, on which another potential is trained.

A student that learns from a committee errs about as little as the committee and costs as little as
one member. The authors of HIP-NN train students so, on labels for the reference data's own
geometries: S. Matin et al., Digital Discovery 2025 (arXiv:2502.05379), and arXiv:2503.14293. Here
the geometries are new ones, hotter than the data, where networks trained on few frames differ most.
"""

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import count
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.neighborlist import build_neighbor_list, get_connectivity_matrix, natural_cutoffs
from scipy.sparse.csgraph import connected_components

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.committee.deviations import deviations_of, read_file, wording_of
from hipnn_ts.dynamics import bare, langevin
from hipnn_ts.errors import InputError
from hipnn_ts.stability import HOT

LABELS = "energy", "forces", "stress"
TOGETHER = 2.0  # times the sum of covalent radii: atoms farther apart belong to two fragments
VAIN = 20  # walks without any frame after which sampling gives up


class Sampling(NamedTuple):
    """How to walk: K, fs and 1/fs. A walk ends after ``length`` frames, or where a force deviates
    by more than ``stop`` (eV/Å) among the members or, of a single network, is as uncertain."""

    temperatures: tuple[float, ...]
    timestep: float = 0.5
    interval: float = 25.0
    length: int = 10
    stop: float = 1.0
    friction: float = 0.02
    seed: int = 0


def distil(
    model: str | Path,
    structures: Sequence[tuple[str, Atoms]],
    number: int,
    sampling: Sampling,
    processes: int = 1,
) -> Iterator[Atoms]:
    """So many frames with energy (eV), forces (eV/Å) and, where defined, stress (eV/Å³).

    Walks take the temperatures in turn; each begins from one of the named structures, drawn at
    random. ``temperature`` (K) and, where the model tells it, the largest deviation or uncertainty
    of a force (``max_devi_f``, eV/Å) are in the frames' ``info``. The frames do not depend on
    ``processes``.

    Raises
    ------
    InputError
        The model cannot be read or cannot evaluate a structure, walks end before their first
        frame, or a process ends.
    """
    if sampling.interval < sampling.timestep:
        raise InputError(
            f"interval: expected at least the timestep ({sampling.timestep:g} fs), found "
            f"{sampling.interval:g} fs"
        )
    potential = read_file(model)
    for _ in deviations_of(potential, structures):
        pass  # all can be evaluated
    calculator = HIPNNTSCalculator(model, beyond_training="ignore")
    left, vain = number, 0
    starts = [atoms for _, atoms in structures]
    for frames in _walks(calculator, starts, sampling, processes):
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
    structures: Sequence[Atoms], calculator: HIPNNTSCalculator, sampling: Sampling, number: int
) -> list[Atoms]:
    """The labelled frames of walk ``number``.

    It ends early where a force deviates too much, in any step; where the temperature is five times
    the one asked for; where the structure has come apart; or where forces are not finite.
    """
    random = np.random.default_rng([sampling.seed, number])
    temperature = sampling.temperatures[number % len(sampling.temperatures)]
    start = structures[random.integers(len(structures))]
    dynamics = langevin(
        start, calculator, temperature, sampling.timestep, sampling.friction, random
    )
    whole, measure = n_fragments(start), wording_of(calculator.metadata)[2]
    every = round(sampling.interval / sampling.timestep)
    frames: list[Atoms] = []
    try:
        for step, _ in enumerate(dynamics.irun(every * sampling.length)):
            atoms, results = dynamics.atoms, calculator.results
            largest = float(results[measure].max()) if measure in results else None
            hot = not atoms.get_temperature() <= HOT * temperature
            if hot or (largest is not None and not largest <= sampling.stop):
                break
            if step == 0 or step % every:
                continue
            if n_fragments(atoms) > whole:
                break
            frames.append(_labelled(atoms, results, temperature, largest))
    except InputError:  # no finite forces, or atoms at one place
        pass
    return frames


def measured(model: str | Path) -> str | None:
    """The word for ``max_devi_f`` of a model's frames; None where they have none."""
    metadata = read_file(model).metadata
    if metadata.members == 1 and metadata.uncertainty is None:
        return None
    return wording_of(metadata)[1]


def n_fragments(atoms: Atoms) -> int:
    """Number of parts of a structure that no pair of near atoms connects."""
    near = build_neighbor_list(atoms, natural_cutoffs(atoms, mult=TOGETHER), self_interaction=False)
    return int(connected_components(get_connectivity_matrix(near.nl))[0])


def _labelled(atoms: Atoms, results: dict, temperature: float, largest: float | None) -> Atoms:
    frame = bare(atoms)
    labels = {key: results[key] for key in LABELS if key in results}
    frame.calc = SinglePointCalculator(frame, **labels)
    frame.info = {"temperature": temperature}
    if largest is not None:
        frame.info["max_devi_f"] = largest
    return frame


def _walks(
    calculator: HIPNNTSCalculator, structures: Sequence[Atoms], sampling: Sampling, processes: int
) -> Iterator[list[Atoms]]:
    """Frames of each walk, in order, without an end."""
    if processes == 1:
        for number in count():
            yield walk(structures, calculator, sampling, number)
    context, own = get_context("spawn"), (structures, calculator)
    with _one_thread(), ProcessPoolExecutor(processes, context, _begin, own) as pool:
        waiting: deque[Future] = deque()
        try:
            for number in count():
                waiting.append(pool.submit(_walk, sampling, number))
                if len(waiting) == 2 * processes:
                    yield waiting.popleft().result()
        except BrokenProcessPool as error:
            raise InputError(
                "expected each process to finish its walk, found one that ended before; is there "
                "too little memory for so many?"
            ) from error
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


def _begin(structures: Sequence[Atoms], calculator: HIPNNTSCalculator) -> None:
    """In a new process: keep what every walk needs, and end with the parent."""
    _own.update(structures=structures, calculator=calculator)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent_process().join()
    os._exit(1)


def _walk(sampling: Sampling, number: int) -> list[Atoms]:
    return walk(_own["structures"], _own["calculator"], sampling, number)
