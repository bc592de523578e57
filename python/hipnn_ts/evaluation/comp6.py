"""The COMP6 benchmark: conformers of organic molecules at ωB97X/6-31G(d), in HDF5 files.

Smith, Nebgen, Lubbers, Isayev, Roitberg, J. Chem. Phys. 148, 241733 (2018). Energies are in
hartree, positions in Å. The arrays called forces have turned out to be the energy gradient, so the
sign is determined by comparison with the potential, and reported.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hipnn_ts.data.read import read_named
from hipnn_ts.errors import InputError
from hipnn_ts.evaluation.compare import Comparison, compare
from hipnn_ts.evaluation.errors import UNITS, errors_of
from hipnn_ts.label_config import LabelConfig, Units

UNIT = "kcal/mol"
# Mean absolute errors over the whole suite, kcal/mol and kcal/mol/Å.
PUBLISHED = {
    "HIP-NN-TS, J. Chem. Phys. 158, 184108 (2023)": {"conformer_energy": 0.927},
    "ANI-1x, the suite's own page": {"energy": 1.93, "conformer_energy": 1.85, "forces": 3.09},
}
# Correlation of predicted and given forces; a potential that knows nothing of the data has about 0.
LEAST_CORRELATION = 0.5


def run_comp6(
    potential: Any, folder: str | Path, batch_size: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Errors on every HDF5 file below ``folder`` and on all together.

    ``energy`` is the total energy here, as in the published tables. Calls ``tell`` with the result
    about the sign of the forces.

    Raises
    ------
    InputError
        No HDF5 file, a file that cannot be read, or forces whose sign the potential cannot
        determine.
    """
    files = sorted(path for ending in ("h5", "hdf5") for path in Path(folder).rglob(f"*.{ending}"))
    if not files:
        raise InputError(f"{folder}: expected the HDF5 files of COMP6, found none")
    labels = LabelConfig(units=Units(energy="hartree"))
    parts, signs = {}, {}
    for file in files:
        named = read_named((file,), labels)
        found = compare(potential, named.frames, named.names, batch_size)
        name = file.relative_to(folder).with_suffix("").as_posix()
        parts[name], signs[name] = _oriented(found, file, tell)
    together = Comparison(
        [frame for part in parts.values() for frame in part.frames],
        np.concatenate([part.energies for part in parts.values()]),
        [forces for part in parts.values() for forces in part.forces],
        [stress for part in parts.values() for stress in part.stresses],
        [name for part in parts.values() for name in part.names],
    )
    return {
        "units": {"energy": UNIT, "conformer_energy": UNIT, "forces": f"{UNIT}/Å"},
        "correlation_with_given_forces": signs,
        "files": {name: _errors(part) for name, part in parts.items()},
        "all": _errors(together),
        "published_mae": PUBLISHED,
    }


def comp6_table(result: dict[str, Any]) -> str:
    """Mean absolute and root mean square errors by file, then the published ones."""
    quantities = ("energy", "conformer_energy", "forces")
    heads = ("energy", "ΔE conformers", "forces")
    lines = [
        f"{'MAE / RMSE, ' + UNIT + ' (/Å)':34}{'frames':>8}" + "".join(f"{h:>18}" for h in heads)
    ]
    for name, errors in {**result["files"], "all": result["all"]}.items():
        line = f"{name[-34:]:34}{errors['frames']:>8}"
        for quantity in quantities:
            mae = errors.get(f"{quantity}_mae")
            text = "-" if mae is None else f"{mae:.3f} / {errors[f'{quantity}_rmse']:.3f}"
            line += f"{text:>18}"
        lines.append(line)
    lines.append("published, MAE over the whole suite")
    for name, errors in PUBLISHED.items():
        texts = [f"{errors[q]:.3f}" if q in errors else "-" for q in quantities]
        lines.append(f"{name:46}"[:46] + "".join(f"{text:>18}" for text in texts)[4:])
    return "\n".join(lines)


def _oriented(
    found: Comparison, file: Path, tell: Callable[[str], None]
) -> tuple[Comparison, float | None]:
    """The comparison, with the sign of the reference forces reversed if the file contains
    gradients."""
    with_forces = [i for i, forces in enumerate(found.forces) if forces is not None]
    if not with_forces:
        return found, None
    known = {i: found.known_forces(i) for i in with_forces}
    given = np.concatenate([found.frames[i].calc.results["forces"][known[i]] for i in known])
    predicted = np.concatenate([found.forces[i][known[i]] for i in known])
    size = np.linalg.norm(given) * np.linalg.norm(predicted)
    correlation = float((given * predicted).sum() / size) if size else 0.0
    if abs(correlation) < LEAST_CORRELATION:
        raise InputError(
            f"{file}: expected forces or gradients that correlate with the potential's (at least "
            f"{LEAST_CORRELATION}), found {correlation:.2f}: their sign cannot be determined"
        )
    meaning = "forces" if correlation > 0 else "the energy gradient, turned around"
    tell(f"{file.name}: correlation of 'forces' with ours {correlation:+.3f}: {meaning}")
    if correlation < 0:
        for i in with_forces:
            found.frames[i].calc.results["forces"] *= -1.0
    return found, correlation


def _errors(part: Comparison) -> dict[str, Any]:
    errors = errors_of(part, UNIT)
    if known := part.with_energy(range(len(part.frames))):
        reference = np.array([part.frames[i].calc.results["energy"] for i in known])
        deviations = (part.energies[known] - reference) / UNITS[UNIT]
        errors |= {
            "energy_mae": float(np.abs(deviations).mean()),
            "energy_rmse": float(np.sqrt((deviations**2).mean())),
        }
    kept = ("energy", "conformer_energy", "forces")
    return {"frames": errors["frames"]} | {
        key: value for key, value in errors.items() if key.rpartition("_")[0] in kept
    }
