"""Does dynamics with a potential hold? Runs at a temperature, each until something breaks."""

from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.geometry import find_mic
from ase.neighborlist import natural_cutoffs, neighbor_list

from hipnn_ts.dynamics import bare, langevin
from hipnn_ts.errors import InputError
from hipnn_ts.export.extrapolation import closest_below
from hipnn_ts.neighbours import neighbour_pairs

NONMETALS = frozenset(
    ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "As", "Se", "Br", "Te", "I")
)
BONDED = 1.2  # times the sum of covalent radii
COLLAPSED = 0.8  # times the closest approach in training
HOT = 5.0  # times the temperature that was asked for
EVERY = 10.0  # fs between looks at the atoms


class Conditions(NamedTuple):
    """How to run: K, ps, fs, 1/fs, and the change of a bond (Å) that counts as its end."""

    temperature: float
    picoseconds: float
    timestep: float = 0.5
    friction: float = 0.01
    bond_change: float = 0.5


class Outcome(NamedTuple):
    """How a run went."""

    picoseconds: float  # until it broke, or all that were asked for
    end: str  # what broke; empty where nothing did
    largest_change: float | None  # of a bond, Å; None without bonds
    temperature: float  # mean of what was seen, K
    atoms: Atoms  # as it ended, without energy and forces of the potential

    @property
    def held(self) -> bool:
        """Whether it went on to the end."""
        return not self.end

    def row(self) -> dict[str, float | str | None]:
        """Everything but the atoms, for a report."""
        return {name: value for name, value in self._asdict().items() if name != "atoms"}


class Bonds:
    """Bonds between nonmetals of a structure, and how far their lengths have changed since."""

    def __init__(self, atoms: Atoms):
        i, j = neighbor_list("ij", atoms, natural_cutoffs(atoms, mult=BONDED))
        covalent = np.isin(atoms.get_chemical_symbols(), list(NONMETALS))
        kept = (i < j) & covalent[i] & covalent[j]
        self._pairs = np.unique(np.stack([i[kept], j[kept]], axis=1), axis=0)
        self._start = self._lengths(atoms)

    def __len__(self) -> int:
        return len(self._pairs)

    def _lengths(self, atoms: Atoms) -> np.ndarray:
        i, j = self._pairs.T
        return find_mic(atoms.positions[j] - atoms.positions[i], atoms.cell, atoms.pbc)[1]

    def farthest(self, atoms: Atoms) -> tuple[float, str]:
        """The largest change of a length, Å, and the words for that bond."""
        lengths = self._lengths(atoms)
        changes = np.abs(lengths - self._start)
        bond = int(changes.argmax())
        ends = "-".join(f"{atoms.symbols[k]}{k}" for k in self._pairs[bond])
        return (
            float(changes[bond]),
            f"bond {ends} of {self._start[bond]:.2f} Å is {lengths[bond]:.2f} Å",
        )


def collapsed(atoms: Atoms, elements: tuple[str, ...], limits: np.ndarray) -> str:
    """The words for two atoms far closer than any in training; empty where none are.

    ``limits`` : (S, S) Å, closest approaches in training of ``elements``; (0, 0) if not known
    """
    if not limits.size:
        return ""
    nearest = COLLAPSED * limits
    receivers, senders, shifts = neighbour_pairs(
        atoms.positions, atoms.cell.array, atoms.pbc, float(nearest.max())
    )
    vectors = atoms.positions[senders] + shifts - atoms.positions[receivers]
    species = np.array([elements.index(symbol) for symbol in atoms.symbols])
    closest = closest_below(nearest, species, receivers, senders, vectors)
    if closest is None:
        return ""
    i, j, distance = closest
    return (
        f"atoms {i} and {j} are {distance:.2f} Å apart, in training at least "
        f"{limits[species[i], species[j]]:.2f} Å"
    )


def first_frame(number: int, n_runs: int, n_frames: int) -> int:
    """Which frame run ``number`` begins with: evenly spaced, or in turn where there are fewer
    frames than runs."""
    return number * n_frames // n_runs if n_frames > n_runs else number % n_frames


def run(
    atoms: Atoms,
    calculator: Calculator,
    conditions: Conditions,
    elements: tuple[str, ...],
    limits: np.ndarray,
    random: np.random.Generator,
) -> Outcome:
    """Langevin dynamics from ``atoms`` until something breaks.

    That is a bond between nonmetals whose length differs by more than ``bond_change`` from that at
    the start (X. Fu et al., Forces are not enough, TMLR 2023, count molecules so, with 0.5 Å); two
    atoms closer than 0.8 of the closest approach in training (``limits``, as of ``collapsed``); a
    temperature five times the one asked for; or forces that are not finite.

    Raises
    ------
    InputError
        The potential cannot evaluate the structure, as when it does not know an element.
    """
    temperature, timestep = conditions.temperature, conditions.timestep
    dynamics = langevin(atoms, calculator, temperature, timestep, conditions.friction, random)
    atoms = dynamics.atoms
    atoms.get_forces()  # what cannot be evaluated at all is no end of a run
    bonds = Bonds(atoms)
    every = max(round(EVERY / timestep), 1)
    looks = max(round(1000 * conditions.picoseconds / (every * timestep)), 1)
    largest, end, temperatures = 0.0 if len(bonds) else None, "", []
    for _ in range(looks):
        try:
            dynamics.run(every)
        except InputError as error:  # no finite forces, atoms in one place
            end = str(error)
            break
        temperatures.append(atoms.get_temperature())
        end = collapsed(atoms, elements, limits)
        if len(bonds):
            change, words = bonds.farthest(atoms)
            largest = max(largest, change)
            if not change <= conditions.bond_change:
                end = words
        if not temperatures[-1] <= HOT * temperature:
            end = f"the temperature is {temperatures[-1]:.0f} K"
        if end:
            break
    return Outcome(
        picoseconds=dynamics.nsteps * timestep / 1000,
        end=end,
        largest_change=largest,
        temperature=float(np.mean(temperatures or [atoms.get_temperature()])),
        atoms=bare(atoms),
    )
