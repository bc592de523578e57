"""Walks by Langevin dynamics, monitored by the committee."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from hipnn_ts.dynamics import bare, langevin
from hipnn_ts.errors import InputError
from hipnn_ts.learning.sections import SamplingConfig


class Step(NamedTuple):
    """One moment of a walk."""

    atoms: Atoms  # a copy, without velocities
    step: int
    deviations: np.ndarray | None  # (n,) eV/Å, deviations of forces, if a committee walks


def steps(
    atoms: Atoms,
    calculator: Calculator,
    temperature: float,
    settings: SamplingConfig,
    random: np.random.Generator,
    n_steps: int,
    pressure: float | None = None,
) -> Iterator[Step]:
    """Every step of a walk from a structure at the temperature, K, and pressure, GPa, if given."""
    timestep, friction = settings.timestep, settings.friction
    dynamics = langevin(atoms, calculator, temperature, timestep, friction, random, pressure)
    for step, _ in enumerate(dynamics.irun(n_steps)):
        yield Step(bare(dynamics.atoms), step, calculator.results.get("forces_std"))


def walk(
    structures: Sequence[Atoms],
    calculator: Calculator,
    settings: SamplingConfig,
    walker: int,
    seed: Sequence[int],
) -> tuple[list[Atoms], list[dict[str, float | int | str]]]:
    """The frames of one walker, and how each of its walks ended.

    Frames are every ``interval``-th step, and steps whose deviation exceeded ``stop``; there the
    walk ends, and another begins from the next structure. A walk takes at least ``interval`` steps.

    Returns
    -------
    list of ase.Atoms
        with ``max_devi_f`` (eV/Å), ``temperature``, ``pressure`` (GPa, where there is one),
        ``walker``, ``start``, ``step`` and ``stopped`` in ``info``, and ``forces_std`` of the atoms
    list of dict
        ``start``, ``steps`` and, if it was stopped, ``why``
    """
    temperature, pressure = settings.conditions(walker)
    frames, ends, left = [], [], settings.steps
    for start in range(settings.starts):
        random = np.random.default_rng([*seed, start])
        structure = structures[(walker + start) % len(structures)]
        end = {"start": start, "steps": 0, "why": ""}
        try:
            walked = steps(structure, calculator, temperature, settings, random, left, pressure)
            for at in walked:
                end["steps"] = at.step
                largest = float(at.deviations.max())
                # Not at once, because at first, when nothing is known, all frames would be initial
                # structures.
                stopped = largest > settings.stop and at.step >= settings.interval
                if stopped or (at.step > 0 and at.step % settings.interval == 0):
                    frame = at.atoms
                    frame.info |= {
                        "max_devi_f": largest,
                        "temperature": temperature,
                        "walker": walker,
                        "start": start,
                        "step": at.step,
                        "stopped": stopped,
                    }
                    if pressure is not None:
                        frame.info["pressure"] = pressure
                    frame.set_array("forces_std", at.deviations)
                    frames.append(frame)
                if stopped:
                    end["why"] = f"deviation {largest:.3g} eV/Å"
                    break
        except InputError as error:  # no finite forces, or atoms at one place
            end["why"] = str(error)
        ends.append(end)
        left -= max(end["steps"], 1)
        if left <= 0:
            break
    return frames, ends


def rattled(
    structures: Sequence[Atoms],
    n: int,
    displacement: float,
    seed: Sequence[int],
    strain: float = 0.0,
) -> list[Atoms]:
    """Copies of the structures in turn, with normally distributed displacements whose standard
    deviation rises to ``displacement`` (Å) in the last copy. The components of the strain of cells
    that are periodic in three directions do likewise, up to ``strain``."""
    frames = []
    for index, share in enumerate(np.linspace(0.1, 1.0, n)):
        random = np.random.default_rng([*seed, index])
        frame = bare(structures[index % len(structures)])
        frame.positions += random.normal(size=(len(frame), 3)) * displacement * share
        if strain > 0 and frame.pbc.all():
            components = random.normal(size=(3, 3)) * strain * share
            symmetric = np.tril(components) + np.tril(components, -1).T
            frame.set_cell(frame.cell.array @ (np.eye(3) + symmetric), scale_atoms=True)
        frames.append(frame)
    return frames
