"""Reference values with the names and units of a file, and their conversion to ours."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from hipnn_ts.data.columns import OPTIONAL, lookalikes
from hipnn_ts.data.findings import Findings
from hipnn_ts.data.tensors import as_numbers, stress_volume, voigt_stress
from hipnn_ts.errors import InputError
from hipnn_ts.label_config import USUAL, LabelConfig
from hipnn_ts.units import ENERGY_UNITS, LENGTH_UNITS, STRESS_UNITS

# Key of a frame's info for the weight of its errors in the loss.
WEIGHT = "hipnn_ts_weight"


class Raw(NamedTuple):
    """A frame as in the file, in the file's units."""

    name: str  # name of the frame in messages
    frame: Atoms
    # energy (), forces (n, 3), stress or virial (6,), (9,) or (3, 3), weight (), as far as present
    values: dict[str, Any]
    present: list[str]  # all columns of the file
    alike: dict[str, list[str]]  # columns that look like a missing value


def labelled(raw: Raw, labels: LabelConfig, findings: Findings) -> Atoms:
    """The frame, changed in place, in Å with reference values in eV, eV/Å and eV/Å^3.

    A value that is nan, or a stress without a volume, is left out of the results. If the forces of
    some atoms are nan, all three components of these are.

    Raises
    ------
    InputError
        A value is not a number, a stress is not symmetric, or a weight is negative.
    """
    name, frame = raw.name, raw.frame
    length_unit = LENGTH_UNITS[labels.units.length]
    if length_unit != 1.0:
        frame.set_cell(frame.cell.array * length_unit)
        frame.positions *= length_unit
    values, factors = {}, _factors(labels)
    for quantity, value in raw.values.items():
        try:
            values[quantity] = as_numbers(value) * factors[quantity]
        except (TypeError, ValueError) as error:
            raise InputError(f"{name}: expected a numeric {quantity}, found {value!r}") from error
    frame.info[WEIGHT] = _weight(values, frame, name, labels)
    results = {
        "energy": _energy(values),
        "forces": _forces(values, name, findings),
        "stress": _stress(values, frame, name, findings),
    }
    given = {quantity: value for quantity, value in results.items() if value is not None}
    frame.calc = SinglePointCalculator(frame, **given)
    return frame


def raw_frame(name: str, frame: Atoms, labels: LabelConfig) -> Raw:
    """Reference values that ASE read into a frame, under the names that ``labels`` gives."""
    extra = [frame.info.get(key) or {} for key in ("key_value_pairs", "data")]  # for ASE databases
    places = [frame.calc.results if frame.calc else {}, frame.info, frame.arrays, *extra]
    values, used = {}, set()
    for quantity in OPTIONAL:
        column = getattr(labels.columns, quantity)
        # Only the values that ASE itself recognised, and the virial, which it leaves in place: any
        # other key must be named.
        names = (column,) if column else USUAL["virial"] if quantity == "virial" else (quantity,)
        candidates = places if column or quantity == "virial" else places[:1]
        for key, place in ((key, place) for key in names for place in candidates):
            if place.get(key) is not None:
                values[quantity] = place[key]
                used.add(key)
                break
    present = [key for place in places for key in place]
    others = {key: place[key] for place in places for key in place if key not in used}
    return Raw(name, frame, values, present, absent_but_alike(values, others, len(frame)))


def absent_but_alike(
    values: Mapping[str, Any], others: Mapping[str, Any], n_atoms: int
) -> dict[str, list[str]]:
    """For each missing quantity of a frame, the columns that look like it."""
    absent = {"energy", "forces"} - values.keys()
    if not values.keys() & {"stress", "virial"}:
        absent |= {"stress", "virial"}
    if not absent:
        return {}
    alike = lookalikes(others, n_atoms)
    return {quantity: names for quantity, names in alike.items() if quantity in absent}


def _factors(labels: LabelConfig) -> dict[str, float]:
    """From the file's units and signs to ours."""
    energy = ENERGY_UNITS[labels.units.energy]
    length = LENGTH_UNITS[labels.units.length]
    unit = labels.units.stress
    stress = energy / length**3 if unit is None else STRESS_UNITS[unit]
    return {
        "energy": energy,
        "forces": energy / length * (1.0 if labels.forces_are == "forces" else -1.0),
        "stress": stress * (1.0 if labels.stress_are == "tensile" else -1.0),
        "virial": energy,
        "weight": 1.0,
    }


def _weight(values: dict[str, np.ndarray], frame: Atoms, name: str, labels: LabelConfig) -> float:
    weight = values.get("weight", np.ones(()))
    if weight.size != 1 or not 0 <= weight.reshape(()) < np.inf:
        raise InputError(f"{name}: expected a weight of at least 0, found {weight.tolist()}")
    group = frame.info.get(labels.columns.config_type)
    return float(weight.reshape(())) * labels.config_type_weights.get(str(group), 1.0)


def _energy(values: dict[str, np.ndarray]) -> float | np.ndarray | None:
    energy = values.get("energy")
    if energy is None or energy.size != 1:
        return energy
    energy = float(energy.reshape(()))
    return None if np.isnan(energy) else energy


def _forces(values: dict[str, np.ndarray], name: str, findings: Findings) -> np.ndarray | None:
    forces = values.get("forces")
    if forces is None or forces.ndim != 2 or not len(forces):
        return forces
    unknown = np.isnan(forces).any(axis=1)
    if unknown.all():
        return None
    if unknown.any():
        forces[unknown] = np.nan
        findings.add(
            "forces that are nan for some atoms, which have none then, in configurations",
            f"{name}: atom {np.flatnonzero(unknown)[0]}",
        )
    return forces


def _stress(
    values: dict[str, np.ndarray], frame: Atoms, name: str, findings: Findings
) -> np.ndarray | None:
    """Tensile, from the stress or otherwise from the virial."""
    known = [q for q in ("stress", "virial") if q in values and not np.isnan(values[q]).all()]
    if not known:
        return None
    volume = stress_volume(frame)
    if np.isnan(volume):
        problem = "without a full cell and a periodic direction, not used"
    elif np.isnan(values[known[0]]).any():
        problem = "that is nan in part, not used"
    elif known[0] == "stress":
        return voigt_stress(values["stress"], name)
    else:
        findings.add("stress made of the virial, -virial / volume, in configurations", name)
        return voigt_stress(-values["virial"] / volume, name)
    findings.add(f"stress {problem}, in configurations", name)
    return None
