"""Which columns a file has, which ones were requested, and which look like a missing one."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from hipnn_ts.errors import InputError
from hipnn_ts.label_config import LabelConfig

OPTIONAL = ("energy", "forces", "stress", "virial", "weight")
_LIKE = {
    "energy": re.compile(r"energ|^e$|^e_?(0|tot|dft|ref)|^toten|^u_?0$|^etot", re.IGNORECASE),
    "forces": re.compile(r"forc|grad|^f$", re.IGNORECASE),
    "stress": re.compile(r"stress|^sigma$", re.IGNORECASE),
    "virial": re.compile(r"virial", re.IGNORECASE),
}
_UNLIKE = re.compile(
    r"^hipnn_ts|kinetic|per_?atom|weight|mask|std|error|uncert|fermi|gap|unit|charge", re.IGNORECASE
)


def lookalikes(columns: Mapping[str, Any], n_atoms: int) -> dict[str, list[str]]:
    """Columns by the quantity that their name and shape suggest.

    ``columns`` are the values that one frame of ``n_atoms`` atoms has. A stress or virial is six
    or nine numbers, forces are three for each atom, an energy is one.
    """
    found: dict[str, list[str]] = {}
    for name, value in columns.items():
        if _UNLIKE.search(name):
            continue
        for quantity, like in _LIKE.items():
            if like.search(name) and _fits(quantity, value, n_atoms):
                found.setdefault(quantity, []).append(name)
    return found


def _fits(quantity: str, value: Any, n_atoms: int) -> bool:
    try:
        array = np.asarray(value)
    except ValueError:  # ragged lists
        return False
    if array.dtype.kind not in "iuf":
        return False
    if quantity == "energy":
        return array.size == 1
    return array.shape == (n_atoms, 3) if quantity == "forces" else array.size in (6, 9)


def no_energy(path: Any, n_frames: int, alike: Mapping[str, list[str]]) -> InputError:
    """The error if no frame of a file has an energy, but has something that looks like one."""
    # Only one of stress and virial can be named.
    named = [q for q in OPTIONAL if q in alike and (q != "virial" or "stress" not in alike)]
    keys = ", ".join(f"{quantity}: {alike[quantity][0]}" for quantity in named)
    found = ", ".join(dict.fromkeys(name for names in alike.values() for name in names))
    return InputError(
        f"{path}: expected an energy, found none in {n_frames} frames, but {found}; if that is it, "
        f"add 'columns: {{{keys}}}' to the section data"
    )


def missing_column(
    quantity: str, labels: LabelConfig, name: Any, present: Iterable[str]
) -> InputError:
    """The error if ``name`` (files, a frame) lacks a column that was named."""
    return InputError(
        f"{name}: expected a column '{getattr(labels.columns, quantity)}' "
        f"(data.columns.{quantity}), found {', '.join(present) or 'none'}"
    )
