"""Whether energies and forces belong together: the work along the way between two configurations.

By the trapezoid rule, half the sum of the forces times the displacement is the energy lost on the
way. Over many pairs of configurations that are near each other its ratio to that energy is 1, or
tells which unit or sign is wrong.
"""

from collections import OrderedDict
from heapq import heappush, heapreplace
from typing import NamedTuple

import numpy as np
from ase import Atoms

from hipnn_ts.units import ENERGY_UNITS, LENGTH_UNITS

RECENT = 50  # configurations of one composition and cell that the next is compared with
COMPOSITIONS = 20  # that are remembered at once
MOST = 20_000  # configurations that are looked at
PAIRS = 60  # the nearest of all
LEAST_PAIRS = 8
NEAREST = 1e-5  # Å; what is nearer is the same configuration
FARTHEST = 0.25  # Å, root mean square displacement of an atom; the rule fails beyond
LEAST_ENERGY = 5e-3  # eV; smaller differences may be noise
# Published sets have correlations above 0.9 and ratios of 0.95 to 1.2.
CORRELATED, UNRELATED, AGREES = 0.75, 0.4, (0.65, 1.5)


class _Known(NamedTuple):
    positions: np.ndarray
    forces: np.ndarray
    energy: float


class Work:
    """Compares configurations with earlier ones of the same atoms in the same cell."""

    def __init__(self):
        self._recent: OrderedDict[bytes, list[_Known]] = OrderedDict()
        # Negative displacement (a heap's root is its smallest), count, work, energy lost, atoms.
        self._pairs: list[tuple[float, int, float, float, int]] = []
        self._count = self._seen = 0

    def add(self, frame: Atoms) -> None:
        """Take a configuration with energy and forces into account."""
        results = frame.calc.results
        if "energy" not in results or np.isnan(results.get("forces", np.nan)).any():
            return
        self._seen += 1
        if self._seen > MOST:
            return
        known = _Known(frame.positions, results["forces"], results["energy"])
        cell = np.round(frame.cell.array, 4) + 0.0
        key = frame.numbers.tobytes() + frame.pbc.tobytes() + cell.tobytes()
        earlier = self._recent.setdefault(key, [])
        self._recent.move_to_end(key)
        if earlier:
            self._compare(known, earlier, frame)
        earlier.append(known)
        if len(earlier) > RECENT:
            del earlier[0]
        if len(self._recent) > COMPOSITIONS:
            self._recent.popitem(last=False)

    def _compare(self, known: _Known, earlier: list[_Known], frame: Atoms) -> None:
        ways = known.positions - np.array([other.positions for other in earlier])
        if frame.pbc.any():
            # By the nearest image: positions may have been wrapped in between.
            shifts = np.linalg.solve(frame.cell.complete().array.T, ways.reshape(-1, 3).T).T
            shifts = np.round(shifts) * frame.pbc
            ways -= (shifts @ frame.cell.complete().array).reshape(ways.shape)
        displacements = np.sqrt((ways**2).sum(axis=2).mean(axis=1))
        displacements[displacements < NEAREST] = np.inf
        nearest = int(displacements.argmin())
        displacement, other = float(displacements[nearest]), earlier[nearest]
        if displacement > FARTHEST:
            return
        work = 0.5 * float(((known.forces + other.forces) * ways[nearest]).sum())
        lost = other.energy - known.energy
        if max(abs(work), abs(lost)) < LEAST_ENERGY:
            return
        self._count += 1
        entry = (-displacement, self._count, work, lost, len(frame))
        if len(self._pairs) < PAIRS:
            heappush(self._pairs, entry)
        elif entry > self._pairs[0]:
            heapreplace(self._pairs, entry)

    def line(self) -> str | None:
        """What is wrong, in a sentence; None where nothing is, or too little was found."""
        if len(self._pairs) < LEAST_PAIRS:
            return None
        work, lost, n_atoms = np.array([pair[2:] for pair in self._pairs]).T
        sizes = _size(work), _size(lost)
        pairs = f"over {len(work)} pairs of near configurations"
        if min(sizes) == 0:
            constant = (
                "the work of the forces is" if sizes[0] == 0 else "all energy differences are"
            )
            return f"energies and forces do not fit: {pairs} {constant} zero"
        correlation = float((work * lost).mean()) / (sizes[0] * sizes[1])
        if abs(correlation) < UNRELATED:
            return (
                f"energies and forces do not fit: {pairs} the work of the forces and the energy "
                f"lost have a correlation of {correlation:.2f}"
            )
        ratio = float(np.copysign(sizes[0] / sizes[1], correlation))
        if abs(correlation) < CORRELATED or AGREES[0] <= ratio <= AGREES[1]:
            return None
        found = (
            f"energies and forces do not fit: {pairs} the work of the forces is {ratio:.3g} times "
            "the energy lost"
        )
        if AGREES[0] <= -ratio <= AGREES[1]:
            return (
                f"{found}: the work has the wrong sign, the forces look like gradients "
                "(data.forces_are: gradient)"
            )
        per_atom = _size(work / n_atoms) / sizes[1]
        if AGREES[0] <= per_atom <= AGREES[1] and ratio > 0:
            return f"{found}: the energies look like energies per atom"
        units = _units(abs(ratio))
        return found + (f": {units}" if units else "; look at their units")


def _size(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def _units(ratio: float) -> str | None:
    """Units that would explain a ratio, energies being in the one and forces in the other."""
    lengths = {"Å": 1.0, "bohr": LENGTH_UNITS["bohr"]}
    known = {
        f"energies look like {e}, forces like {f}/{length}": ENERGY_UNITS[e]
        / ENERGY_UNITS[f]
        * size
        for e in ENERGY_UNITS
        for f in ENERGY_UNITS
        for length, size in lengths.items()
        if e != f or length != "Å"
    }
    names = [name for name, value in known.items() if abs(np.log(ratio / value)) < 0.1]
    return " or ".join(names[:2]) or None
