"""Errors from predictions: overall, by element, by group, and in the worst frames."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from ase import Atoms

from hipnn_ts.evaluation.compare import Comparison, compare
from hipnn_ts.evaluation.conformers import conformer_errors
from hipnn_ts.evaluation.worst_frames import worst_frames
from hipnn_ts.model.potential import Potential
from hipnn_ts.units import ENERGY_UNITS

UNITS = {"meV": 1e-3, **ENERGY_UNITS}


def evaluate(
    potential: Potential | torch.jit.ScriptModule,
    frames: Sequence[Atoms],
    names: Sequence[str] | None = None,
    batch_size: int = 8,
) -> dict[str, Any]:
    """Errors over all frames in meV, as in ``errors_of``; parameters and errors as in
    ``compare``."""
    return errors_of(compare(potential, frames, names, batch_size))


def errors_of(
    comparison: Comparison,
    energy_unit: str = "meV",
    config_type: str = "config_type",
    group_by: str | None = None,
) -> dict[str, Any]:
    """Mean absolute and root mean square errors.

    Parameters
    ----------
    comparison : predictions beside their reference
    energy_unit : one of ``UNITS``
    config_type : key of the frames' info that names their group
    group_by : key of the frames' info that names their molecule, see ``conformer_errors``

    Returns
    -------
    dict
        ``frames``, ``units``, and with the endings ``_mae`` and ``_rmse``: ``energy`` per atom,
        ``forces`` and ``stress`` over components if there is a reference, and ``conformer_energy``
        (see ``conformer_errors``) if a molecule occurs more than once. ``forces_by_element`` and,
        if the data names groups, ``by_config_type`` contain the same for their part.
        ``worst_frames`` names the frames with the largest errors.

    Raises
    ------
    InputError
        A molecule lacks the entry ``group_by``.
    """
    unit = UNITS[energy_unit]
    everything = range(len(comparison.frames))
    groups: dict[str, list[int]] = defaultdict(list)
    for index in everything:
        group = comparison.frames[index].info.get(config_type)
        if group is not None:
            groups[str(group)].append(index)
    out = {
        "frames": len(comparison.frames),
        "units": {
            "energy": f"{energy_unit}/atom",
            "conformer_energy": energy_unit,
            "forces": f"{energy_unit}/Å",
            "stress": f"{energy_unit}/Å^3",
        },
        **_overall(comparison, everything, unit),
        **conformer_errors(comparison, unit, config_type, group_by),
        "forces_by_element": _by_element(comparison, unit),
        "worst_frames": worst_frames(comparison, unit, config_type),
    }
    if groups:
        out["by_config_type"] = {
            name: {"frames": len(members), **_overall(comparison, members, unit)}
            for name, members in sorted(groups.items())
        }
    return out


def force_deviations(comparison: Comparison, members: Sequence[int]) -> np.ndarray:
    """Predicted minus reference forces (atoms, 3) for the atoms that have both, eV/Å."""
    found = [
        (comparison.forces[i] - comparison.frames[i].calc.results["forces"])[
            comparison.known_forces(i)
        ]
        for i in members
        if comparison.forces[i] is not None
    ]
    return np.concatenate(found) if found else np.zeros((0, 3))


def energy_deviations(comparison: Comparison, members: Sequence[int]) -> np.ndarray:
    """Predicted minus reference energy per atom, eV, for each frame with a reference."""
    known = comparison.with_energy(members)
    frames = [comparison.frames[i] for i in known]
    reference = np.array([frame.calc.results["energy"] for frame in frames])
    return (comparison.energies[known] - reference) / [len(frame) for frame in frames]


def _overall(comparison: Comparison, members: Sequence[int], unit: float) -> dict[str, float]:
    stresses = [
        comparison.stresses[i] - comparison.frames[i].get_stress(voigt=False)
        for i in members
        if comparison.stresses[i] is not None
    ]
    found = {
        "energy": energy_deviations(comparison, members),
        "forces": force_deviations(comparison, members),
        "stress": np.array(stresses),
    }
    return {
        f"{quantity}_{measure}": value
        for quantity, deviations in found.items()
        for measure, value in _measures(deviations, unit).items()
    }


def _by_element(comparison: Comparison, unit: float) -> dict[str, dict[str, float]]:
    everything = range(len(comparison.frames))
    deviations = force_deviations(comparison, everything)
    symbols = np.array(
        [
            symbol
            for i in everything
            if comparison.forces[i] is not None
            for symbol in comparison.frames[i].symbols[comparison.known_forces(i)]
        ]
    )
    return {
        str(symbol): _measures(deviations[symbols == symbol], unit) for symbol in np.unique(symbols)
    }


def _measures(deviations: np.ndarray, unit: float) -> dict[str, float]:
    if deviations.size == 0:
        return {}
    scaled = deviations / unit
    return {"mae": float(np.abs(scaled).mean()), "rmse": float(np.sqrt((scaled**2).mean()))}
