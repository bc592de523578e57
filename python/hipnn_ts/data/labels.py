"""Reference values under the names and in the units that a file has them, and in ours."""

from collections.abc import Container, Iterable
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import full_3x3_to_voigt_6_stress

from hipnn_ts.errors import InputError
from hipnn_ts.label_config import LabelConfig
from hipnn_ts.units import ENERGY_UNITS, LENGTH_UNITS, STRESS_UNITS

# Where a frame's info keeps what the loss multiplies its errors with.
WEIGHT = "hipnn_ts_weight"


class Raw(NamedTuple):
    """A frame as the file has it, in its units."""

    name: str  # what messages call it
    frame: Atoms
    values: dict[str, Any]  # energy (), forces (n, 3), stress (6,) or (3, 3), weight (); or absent
    present: list[str]  # what the file names


def labelled(raw: Raw, labels: LabelConfig) -> Atoms:
    """The frame, changed in place, in Å with reference values in eV, eV/Å and eV/Å^3.

    Raises
    ------
    InputError
        A value that is no number, or a weight that is negative.
    """
    name, frame, values, _ = raw
    energy_unit = ENERGY_UNITS[labels.units.energy]
    length_unit = LENGTH_UNITS[labels.units.length]
    stress_unit = (
        energy_unit / length_unit**3
        if labels.units.stress is None
        else STRESS_UNITS[labels.units.stress]
    )
    sign = 1.0 if labels.forces_are == "forces" else -1.0
    factors = {
        "energy": energy_unit,
        "forces": sign * energy_unit / length_unit,
        "stress": stress_unit,
        "weight": 1.0,
    }
    results = {}
    for quantity, value in values.items():
        try:
            results[quantity] = np.asarray(value, dtype=float) * factors[quantity]
        except (TypeError, ValueError) as error:
            raise InputError(f"{name}: expected a numeric {quantity}, found {value!r}") from error
    weight = float(results.pop("weight", 1.0))
    if not 0 <= weight < np.inf:
        raise InputError(f"{name}: expected a weight of at least 0, found {weight}")
    group = frame.info.get(labels.columns.config_type)
    frame.info[WEIGHT] = weight * labels.config_type_weights.get(str(group), 1.0)
    if "stress" in results and results["stress"].shape == (3, 3):
        results["stress"] = full_3x3_to_voigt_6_stress(results["stress"])
    if "energy" in results and results["energy"].size == 1:
        results["energy"] = float(results["energy"].reshape(()))
    if length_unit != 1.0:
        frame.set_cell(frame.cell.array * length_unit)
        frame.positions *= length_unit
    frame.calc = SinglePointCalculator(frame, **results)
    return frame


def raw_frame(name: str, frame: Atoms, labels: LabelConfig) -> Raw:
    """Reference values that ASE read into a frame, under the names that ``labels`` gives."""
    extra = [frame.info.get(key) or {} for key in ("key_value_pairs", "data")]  # ASE databases
    places = [frame.calc.results if frame.calc else {}, frame.info, frame.arrays, *extra]
    values = {}
    for quantity in ("energy", "forces", "stress", "weight"):
        column = getattr(labels.columns, quantity)
        if column is None:
            # Only what ASE itself recognised: any other key must be named.
            candidates, column = places[:1], quantity
        else:
            candidates = places
        for place in candidates:
            if place.get(column) is not None:
                values[quantity] = place[column]
                break
    return Raw(name, frame, values, [key for place in places for key in place])


def check_columns(
    quantities: Container[str], labels: LabelConfig, path: Any, present: Iterable[str]
) -> None:
    """Raise InputError where an optional column that was named is in no frame of the file.

    ``quantities`` are those that some frame has, ``present`` the columns.
    """
    for quantity in ("forces", "stress", "weight"):
        if getattr(labels.columns, quantity) and quantity not in quantities:
            raise missing_column(quantity, labels, path, present)


def missing_column(
    quantity: str, labels: LabelConfig, name: Any, present: Iterable[str]
) -> InputError:
    """What to raise where ``name`` (a file, a frame) lacks a column that was named."""
    return InputError(
        f"{name}: expected a column '{getattr(labels.columns, quantity)}' "
        f"(data.columns.{quantity}), found {', '.join(present)}"
    )
