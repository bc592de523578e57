"""Whether energies, forces and stress are consistent: the work between two configurations.

By the trapezoidal rule, half the sum of the forces times the displacement is the energy lost on the
way, and a strain adds volume times stress times strain. Over many pairs of similar configurations
the ratio of this work to the energy is 1, or shows which unit or sign is wrong.
"""

from collections import OrderedDict
from heapq import heappush, heapreplace
from typing import NamedTuple

import numpy as np
from ase import Atoms

from hipnn_ts.data.tensors import stress_volume
from hipnn_ts.neighbours import independent
from hipnn_ts.units import ENERGY_UNITS, LENGTH_UNITS, STRESS_UNITS

RECENT = 50  # configurations of one composition and cell with which the next is compared
COMPOSITIONS = 20  # number that is remembered at once
MOST = 20_000  # number of configurations that are examined
PAIRS = 60  # number of the nearest pairs overall
LEAST_PAIRS = 8
NEAREST = 1e-5  # Å; below this it is the same configuration
FARTHEST = 0.25  # Å, root mean square displacement of an atom beyond which the rule fails
STRAINS = 1e-4, 0.04  # smallest and largest component of a strain
LEAST_ENERGY = 5e-3  # eV; smaller differences may be noise
# Published sets have correlations above 0.9 and ratios of 0.95 to 1.2.
CORRELATED, UNRELATED, AGREES = 0.75, 0.4, (0.65, 1.5)


class _Known(NamedTuple):
    places: np.ndarray  # in units of the cell vectors
    cell: np.ndarray
    forces: np.ndarray
    tension: np.ndarray  # volume times stress, (3, 3), nan if there is none
    energy: float


class Work:
    """Compares configurations with earlier ones of the same atoms, in the same cell or a strained
    one."""

    def __init__(self):
        self._recent: OrderedDict[bytes, list[_Known]] = OrderedDict()
        self._of_forces, self._of_stress = _Pairs(), _Pairs()
        self._seen = 0

    def add(self, frame: Atoms) -> None:
        """Take a configuration with energy and forces into account."""
        results = frame.calc.results
        if "energy" not in results or np.isnan(results.get("forces", np.nan)).any():
            return
        self._seen += 1
        if self._seen > MOST:
            return
        cell = frame.cell.complete().array
        if not independent(cell):
            return
        tension = np.full((3, 3), np.nan)
        if "stress" in results:
            tension = stress_volume(frame) * frame.get_stress(voigt=False, apply_constraint=False)
        places = frame.positions @ np.linalg.inv(cell)
        known = _Known(places, cell, results["forces"], tension, results["energy"])
        key = frame.numbers.tobytes() + frame.pbc.tobytes()
        earlier = self._recent.setdefault(key, [])
        self._recent.move_to_end(key)
        if earlier:
            self._compare(known, earlier, frame.pbc)
        earlier.append(known)
        if len(earlier) > RECENT:
            del earlier[0]
        if len(self._recent) > COMPOSITIONS:
            self._recent.popitem(last=False)

    def _compare(self, known: _Known, earlier: list[_Known], periodic: np.ndarray) -> None:
        # By the nearest image, because positions may have been wrapped in between.
        steps = known.places - np.array([other.places for other in earlier])
        ways = (steps - np.round(steps) * periodic) @ known.cell
        displacements = np.sqrt((ways**2).sum(axis=2).mean(axis=1))
        strains = np.linalg.solve([other.cell for other in earlier], known.cell) - np.eye(3)
        strained = np.abs(strains).max(axis=(1, 2))

        def work(index: int) -> float:
            forces = known.forces + earlier[index].forces
            return 0.5 * float((forces * ways[index]).sum())

        same = strained < NEAREST
        moved = np.where(same & (displacements > NEAREST), displacements, np.inf)
        nearest = int(moved.argmin())
        if moved[nearest] < FARTHEST:
            lost = earlier[nearest].energy - known.energy
            self._of_forces.add(moved[nearest], work(nearest), lost, len(known.places))

        near = ~same & (strained > STRAINS[0]) & (strained < STRAINS[1])
        moved = np.where(near, displacements + strained, np.inf)
        nearest = int(moved.argmin())
        if moved[nearest] < FARTHEST:
            tension = 0.5 * (known.tension + earlier[nearest].tension)
            stretching = -float((tension * strains[nearest]).sum())
            lost = earlier[nearest].energy - known.energy - work(nearest)
            if not np.isnan(stretching):
                self._of_stress.add(moved[nearest], stretching, lost, len(known.places))

    def lines(self) -> list[str]:
        """Sentences that say what is wrong."""
        forces = self._of_forces.disagreement("energies and forces do not fit", "the forces")
        if forces is not None:
            return [forces[0] + _reason_of_forces(*forces[1:])]
        stress = self._of_stress.disagreement("energies and stress do not fit", "the stress")
        return [] if stress is None else [stress[0] + _reason_of_stress(*stress[1:])]


class _Pairs:
    """The nearest pairs: work, and energy lost between the two."""

    def __init__(self):
        # Negative distance (a heap's root is its smallest), count, work, energy lost, atoms.
        self._heap: list[tuple[float, int, float, float, int]] = []
        self._count = 0

    def add(self, distance: float, work: float, lost: float, n_atoms: int) -> None:
        """Keep the pair if it is among the nearest, and its energy above noise."""
        if max(abs(work), abs(lost)) < LEAST_ENERGY:
            return
        self._count += 1
        entry = (-distance, self._count, work, lost, n_atoms)
        if len(self._heap) < PAIRS:
            heappush(self._heap, entry)
        elif entry > self._heap[0]:
            heapreplace(self._heap, entry)

    def disagreement(self, begin: str, source: str) -> tuple[str, float, float] | None:
        """A sentence, the ratio of work to energy, and the same ratio with energies taken per atom.

        None if the two agree, or if there are too few pairs. A ratio of nan adds nothing.
        """
        if len(self._heap) < LEAST_PAIRS:
            return None
        work, lost, n_atoms = np.array([pair[2:] for pair in self._heap]).T
        sizes = _size(work), _size(lost)
        found = f"{begin}: over {len(work)} pairs of near configurations "
        nothing = float("nan"), float("nan")
        if min(sizes) == 0:
            zero = f"the work of {source} is" if sizes[0] == 0 else "all energy differences are"
            return f"{found}{zero} zero", *nothing
        correlation = float((work * lost).mean()) / (sizes[0] * sizes[1])
        if abs(correlation) < UNRELATED:
            found += f"the work of {source} and the energy lost have a correlation of "
            return f"{found}{correlation:.2f}", *nothing
        ratio = float(np.copysign(sizes[0] / sizes[1], correlation))
        if abs(correlation) < CORRELATED or _agree(ratio):
            return None
        found += f"the work of {source} is {ratio:.3g} times the energy lost"
        return found, ratio, float(np.copysign(_size(work / n_atoms) / sizes[1], ratio))


def _size(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def _agree(ratio: float) -> bool:
    return AGREES[0] <= ratio <= AGREES[1]


def _reason_of_forces(ratio: float, per_atom: float) -> str:
    if _agree(-ratio):
        return (
            ": the work has the wrong sign, the forces look like gradients "
            "(data.forces_are: gradient)"
        )
    if _agree(per_atom):
        return ": the energies look like energies per atom"
    lengths = {"Å": 1.0, "bohr": LENGTH_UNITS["bohr"]}
    explained = {
        f"energies look like {energy}, forces like {force}/{length}": ENERGY_UNITS[energy]
        / ENERGY_UNITS[force]
        * size
        for energy in ENERGY_UNITS
        for force in ENERGY_UNITS
        for length, size in lengths.items()
        if energy != force or length != "Å"
    }
    return _by_units(explained, ratio)


def _reason_of_stress(ratio: float, _: float) -> str:
    if _agree(-ratio):
        return (
            ": the work has the wrong sign, what is positive looks like pressure "
            "(data.stress_are: pressure)"
        )
    explained = {
        f"the stress looks like {unit}": 1 / size
        for unit, size in STRESS_UNITS.items()
        if size != 1.0
    }
    return _by_units(explained, ratio)


def _by_units(explained: dict[str, float], ratio: float) -> str:
    if np.isnan(ratio):
        return ""
    near = [name for name, value in explained.items() if abs(np.log(abs(ratio) / value)) < 0.1]
    sign = " and a wrong sign" if near and ratio < 0 else ""
    return f": {' or '.join(near[:2])}{sign}" if near else "; look at their units and signs"
