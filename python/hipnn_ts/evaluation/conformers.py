"""Errors of the energy differences between conformers of one molecule."""

from collections import defaultdict
from typing import Any

import numpy as np

from hipnn_ts.errors import InputError
from hipnn_ts.evaluation.compare import Comparison

MOLECULE = "molecule"  # key of info under which a reader stores the molecule's name


def conformer_errors(
    comparison: Comparison,
    unit: float,
    config_type: str = "config_type",
    group_by: str | None = None,
) -> dict[str, Any]:
    """Errors of the energy differences between all pairs of conformers of each molecule.

    This is the measure of COMP6: Smith et al., J. Chem. Phys. 148, 241733 (2018). Pairs of all
    molecules count equally. Frames that are periodic in any direction are not molecules and are
    ignored.

    Frames are conformers of one molecule if they have the same atoms in the same order and the same
    value of a key of their info. The key is ``group_by``, or else "molecule", or else
    ``config_type``; the last two are used only if every frame has them. Without a key only the
    atoms decide, so two complexes with one formula pass for one molecule.

    Parameters
    ----------
    comparison : predictions beside their reference
    unit : unit of the energies, eV
    config_type, group_by : keys of the frames' info

    Returns
    -------
    dict
        ``conformer_pairs``, ``conformers_by`` (the key, or "atoms"), ``conformer_energy_mae`` and
        ``conformer_energy_rmse``; empty if there are no pairs.

    Raises
    ------
    InputError
        A molecule lacks the entry ``group_by``.
    """
    frames = comparison.frames
    isolated = [
        index
        for index, frame in enumerate(frames)
        if not frame.pbc.any() and "energy" in frame.calc.results
    ]
    key = _key(comparison, isolated, config_type, group_by)
    molecules: dict[Any, list[float]] = defaultdict(list)
    for index in isolated:
        frame = frames[index]
        value = None if key is None else str(frame.info[key])
        error = comparison.energies[index] - frame.calc.results["energy"]
        molecules[value, frame.numbers.tobytes()].append(error)
    pairs, absolute, square = 0, 0.0, 0.0
    for deviations in molecules.values():
        d = np.sort(np.array(deviations))
        n = len(d)
        pairs += n * (n - 1) // 2
        # Sums over pairs of |d_i - d_j| and (d_i - d_j)^2 without listing the pairs.
        absolute += float((2 * np.arange(n) - n + 1) @ d)
        square += float(n * ((d - d.mean()) ** 2).sum())
    if pairs == 0:
        return {}
    return {
        "conformer_pairs": pairs,
        "conformers_by": "atoms" if key is None else key,
        "conformer_energy_mae": absolute / pairs / unit,
        "conformer_energy_rmse": (square / pairs) ** 0.5 / unit,
    }


def _key(
    comparison: Comparison, isolated: list[int], config_type: str, group_by: str | None
) -> str | None:
    """The key that distinguishes molecules with the same atoms."""
    for key in (MOLECULE, config_type) if group_by is None else (group_by,):
        without = [index for index in isolated if comparison.frames[index].info.get(key) is None]
        if not without:
            return key
        if key == group_by:
            present = ", ".join(comparison.frames[without[0]].info) or "none"
            raise InputError(
                f"{comparison.names[without[0]]}: expected an entry '{group_by}' to group "
                f"conformers by, found {present}"
            )
    return None
