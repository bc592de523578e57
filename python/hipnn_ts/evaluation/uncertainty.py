"""Whether the force uncertainty of a single network predicts its error."""

from typing import Any

import numpy as np

from hipnn_ts.evaluation.compare import Comparison
from hipnn_ts.evaluation.errors import UNITS
from hipnn_ts.rank_correlation import rank_correlation


def uncertainty_of(comparison: Comparison, energy_unit: str) -> dict[str, Any] | None:
    """Force uncertainties beside the true errors, over atoms with a reference force.

    Returns
    -------
    dict, or None without reference forces or uncertainties
        Root mean square ``uncertainty`` and ``error`` (the norm for an atom, so that components
        have 1/sqrt(3) of it), their ``ratio``, which calibration makes 1 on the validation data,
        and Spearman's ``rank_correlation`` of the two: over atoms; over frames, by the largest
        value of each; and over frames, by root mean squares.
    """
    if comparison.uncertainties is None:
        return None
    told, errors = [], []
    for index, forces in enumerate(comparison.forces):
        if forces is None:
            continue
        known = comparison.known_forces(index)
        reference = comparison.frames[index].calc.results["forces"][known]
        told.append(comparison.uncertainties[index][known])
        errors.append(np.linalg.norm(forces[known] - reference, axis=1))
    if not told:
        return None
    unit, (all_told, all_errors) = UNITS[energy_unit], map(np.concatenate, (told, errors))
    told_rms, error_rms = _rms(all_told), _rms(all_errors)
    return {
        "uncertainty": told_rms / unit,
        "error": error_rms / unit,
        "ratio": told_rms / error_rms,
        "rank_correlation": {
            "atoms": rank_correlation(all_told, all_errors),
            "largest_of_frames": rank_correlation(*(list(map(np.max, x)) for x in (told, errors))),
            "rms_of_frames": rank_correlation(*(list(map(_rms, x)) for x in (told, errors))),
        },
    }


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
