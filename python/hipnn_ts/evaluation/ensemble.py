"""Several potentials at once: their mean, and whether their spread predicts their error."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hipnn_ts.errors import InputError
from hipnn_ts.evaluation.compare import Comparison
from hipnn_ts.evaluation.errors import UNITS, energy_deviations, force_deviations
from hipnn_ts.rank_correlation import rank_correlation


def members_of(path: str | Path) -> list[Path]:
    """Checkpoints of the ensemble that ``hipnn-ts train --members`` wrote into a directory.

    Raises
    ------
    InputError
        There are fewer than two.
    """
    found = sorted(Path(path).glob("member-*/best.ckpt"))
    if len(found) < 2:
        alone = Path(path) / "best.ckpt"
        hint = f"; the model of this run is {alone}" if alone.exists() else ""
        raise InputError(
            f"{path}: expected an ensemble (member-*/best.ckpt, at least two), found "
            f"{len(found)}{hint}"
        )
    return found


def mean_of(members: Sequence[Comparison]) -> Comparison:
    """The average prediction."""
    first = members[0]
    return Comparison(
        first.frames,
        np.mean([member.energies for member in members], axis=0),
        [None if row[0] is None else np.mean(row, axis=0) for row in _rows(members, "forces")],
        [None if row[0] is None else np.mean(row, axis=0) for row in _rows(members, "stresses")],
        first.names,
    )


def spread_of(members: Sequence[Comparison], energy_unit: str) -> dict[str, Any]:
    """Standard deviation over the members, beside the true error of their mean.

    Returns
    -------
    dict
        For ``energy`` (per atom, one value per frame) and ``forces`` (one value per atom, the root
        mean square over components): root mean square ``spread`` and ``error``, their ``ratio``,
        and Spearman's ``rank_correlation`` of the spread with the absolute error.
    """
    mean, unit = mean_of(members), UNITS[energy_unit]
    everything = range(len(mean.frames))
    found = {}
    if known := mean.with_energy(everything):
        n_atoms = np.array([len(mean.frames[i]) for i in known])
        energies = [member.energies[known] / n_atoms for member in members]
        spread = np.std(energies, axis=0, ddof=1)
        found["energy"] = (spread, np.abs(energy_deviations(mean, everything)))
    rows = [
        np.array(row)[:, mean.known_forces(i)]
        for i, row in enumerate(_rows(members, "forces"))
        if row[0] is not None
    ]
    if rows:
        variance = np.concatenate([np.var(row, axis=0, ddof=1).mean(axis=1) for row in rows])
        error = np.sqrt((force_deviations(mean, everything) ** 2).mean(axis=1))
        found["forces"] = (np.sqrt(variance), error)
    return {
        "members": len(members),
        **{
            quantity: {
                "spread": float(np.sqrt(np.mean(spread**2)) / unit),
                "error": float(np.sqrt(np.mean(error**2)) / unit),
                "ratio": float(np.sqrt(np.mean(spread**2) / np.mean(error**2))),
                "rank_correlation": rank_correlation(spread, error),
            }
            for quantity, (spread, error) in found.items()
        },
    }


def _rows(members: Sequence[Comparison], quantity: str) -> list[tuple[Any, ...]]:
    return list(zip(*(getattr(member, quantity) for member in members), strict=True))
