"""Walks by Langevin dynamics, monitored by the committee."""

import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.md.langevin import Langevin
from ase.md.langevinbaoab import LangevinBAOAB
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

from hipnn_ts.errors import InputError
from hipnn_ts.learning.sections import SamplingConfig

BAROSTAT = 1000.0  # time steps in which the volume answers


class Step(NamedTuple):
    """One moment of a walk."""

    atoms: Atoms  # a copy, without velocities
    step: int
    deviations: np.ndarray | None  # (n,) eV/Å, deviations of forces, if a committee walks


def langevin(
    atoms: Atoms,
    calculator: Calculator,
    temperature: float,
    settings: SamplingConfig,
    random: np.random.Generator,
    n_steps: int,
    pressure: float | None = None,
) -> Iterator[Step]:
    """Every step of a walk from a structure, with random initial velocities at the temperature,
    K.

    At a pressure, GPa, the volume fluctuates and the shape of the cell is constant (Quigley and
    Probert, J. Chem. Phys. 120, 11432, 2004); without one the cell is constant.
    """
    atoms = bare(atoms)
    atoms.calc = calculator
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature, rng=random)
    common = {"temperature_K": temperature, "rng": random}
    timestep, friction = settings.timestep * units.fs, settings.friction / units.fs
    if pressure is None:
        dynamics = Langevin(atoms, timestep, friction=friction, fixcm=False, **common)
    else:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Using heuristic P_mass")  # as ASE recommends
            dynamics = LangevinBAOAB(
                atoms,
                timestep,
                externalstress=-pressure * units.GPa,
                hydrostatic=True,
                T_tau=1 / friction,
                P_tau=BAROSTAT * timestep,
                **common,
            )
    for step, _ in enumerate(dynamics.irun(n_steps)):
        yield Step(bare(atoms), step, calculator.results.get("forces_std"))


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
            walked = langevin(structure, calculator, temperature, settings, random, left, pressure)
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


def bare(atoms: Atoms) -> Atoms:
    """Elements, positions, box, and the initial settings for a reference method."""
    out = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    for name in ("initial_magmoms", "initial_charges"):
        if atoms.has(name):
            out.set_array(name, atoms.arrays[name])
    return out
