"""Stress and virial as stored in files, and the cells that they refer to."""

from typing import Any

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from hipnn_ts.errors import InputError
from hipnn_ts.neighbours import independent

# Difference between xy and yx that rounding may cause: relative to the largest component, and in
# eV/Å^3.
RELATIVE, ABSOLUTE = 1e-2, 1e-5


def stress_volume(frame: Atoms) -> float:
    """Volume that the stress of a frame refers to, in the frame's units; nan if it has none.

    A stress needs a full cell of three independent vectors and a periodic direction; crystals,
    slabs and wires have one.
    """
    if not frame.pbc.any() or not independent(frame.cell.array):
        return float("nan")
    return float(frame.get_volume())


def voigt_stress(stress: np.ndarray, name: str) -> np.ndarray:
    """Six components xx yy zz yz xz xy, eV/Å^3, from six, nine or 3x3; other shapes are returned
    unchanged.

    Raises
    ------
    InputError
        Nine components differ from their transpose by more than rounding.
    """
    if stress.size != 9:
        return stress
    matrix = stress.reshape(3, 3)
    with np.errstate(invalid="ignore"):  # because of inf, which is refused with the other values
        difference = np.abs(matrix - matrix.T)
    if (difference > ABSOLUTE + RELATIVE * np.abs(matrix).max()).any():
        i, j = np.unravel_index(difference.argmax(), (3, 3))
        axes = "xyz"
        raise InputError(
            f"{name}: expected a symmetric stress, found {axes[i]}{axes[j]} {matrix[i, j]:.6g} and "
            f"{axes[j]}{axes[i]} {matrix[j, i]:.6g} eV/Å^3"
        )
    return full_3x3_to_voigt_6_stress(matrix)


def as_numbers(value: Any) -> np.ndarray:
    """Floating-point numbers. Raises ValueError or TypeError if they are not numbers.

    ASE reads a key without a value as True, which NumPy would turn into a number.
    """
    array = np.asarray(value)
    if array.dtype.kind == "b":
        raise ValueError("no number")
    return array.astype(float)
