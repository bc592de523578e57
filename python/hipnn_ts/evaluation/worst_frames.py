"""The frames with the largest errors: outliers of the data, or gaps in the training data."""

import re
from typing import Any

import numpy as np

from hipnn_ts.evaluation.compare import Comparison

SHOWN = 5


def worst_frames(
    comparison: Comparison, unit: float, config_type: str = "config_type"
) -> dict[str, list[dict[str, Any]]]:
    """Frames with the largest errors, the largest first.

    Parameters
    ----------
    comparison : predictions beside their reference
    unit : unit of the errors, eV
    config_type : key of the frames' info that names their group

    Returns
    -------
    dict
        ``forces`` (if there is a reference): by the largest error of a force, the length of the
        vector, with its ``atom``; ``energy``: by the absolute error per atom. Each entry has its
        ``error``, ``file``, index ``frame`` (``row`` in a database) and, if there is one,
        ``config_type``.
    """
    forces, energies = [], []
    for index, frame in enumerate(comparison.frames):
        reference = frame.calc.results
        if "energy" in reference:
            error = comparison.energies[index] - reference["energy"]
            energies.append((abs(error) / len(frame), index, None))
        if comparison.forces[index] is not None:
            # An atom without a reference has no error; a prediction that is not a number has the
            # largest error.
            known = ~np.isnan(reference["forces"]).any(axis=1)
            lengths = np.linalg.norm(comparison.forces[index] - reference["forces"], axis=1)
            atom = int(np.where(known, np.nan_to_num(lengths, nan=np.inf), -1.0).argmax())
            forces.append((lengths[atom], index, atom))
    out = {}
    for quantity, errors in (("forces", forces), ("energy", energies)):
        errors.sort(key=lambda entry: -np.nan_to_num(entry[0], nan=np.inf))
        if errors:
            out[quantity] = [
                _described(comparison, index, config_type)
                | ({} if atom is None else {"atom": atom})
                | {"error": float(error / unit)}
                for error, index, atom in errors[:SHOWN]
            ]
    return out


def _described(comparison: Comparison, index: int, config_type: str) -> dict[str, Any]:
    frame, name = comparison.frames[index], comparison.names[index]
    place = re.fullmatch(r"(.*): (frame|row) (\d+)", name)
    described = {"file": place[1], place[2]: int(place[3])} if place else {"file": name}
    group = frame.info.get(config_type)
    return described | ({} if group is None else {"config_type": str(group)})
