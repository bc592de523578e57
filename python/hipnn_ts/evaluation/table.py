"""Errors as lines of text."""

from typing import Any

QUANTITIES = {
    "energy": "energy",
    "conformer_energy": "ΔE conformers",
    "forces": "forces",
    "stress": "stress",
}
WORST = 3  # number of listed frames of each kind


def error_table(errors: dict[str, Any]) -> str:
    """The result of ``errors_of`` as text for a terminal."""
    units = errors["units"]
    lines = [f"{'':24}{'MAE':>10} {'RMSE':>10}"]
    for quantity, label in QUANTITIES.items():
        if f"{quantity}_mae" in errors:
            line = _line(label, errors, quantity + "_", units[quantity])
            if quantity == "conformer_energy":
                line += f" ({errors['conformer_pairs']} pairs, by {errors['conformers_by']})"
            lines.append(line)
    for symbol, found in errors.get("forces_by_element", {}).items():
        lines.append(_line(f"forces on {symbol}", found, "", units["forces"]))
    for group, found in errors.get("by_config_type", {}).items():
        lines.append(f"{group} ({found['frames']} frames)")
        for quantity in ("energy", "forces", "stress"):
            if f"{quantity}_mae" in found:
                lines.append(_line(f"  {quantity}", found, quantity + "_", units[quantity]))
    return "\n".join(lines)


def worst_table(errors: dict[str, Any]) -> str:
    """The frames with the largest errors."""
    lines = []
    heads = {"forces": "largest error of a force", "energy": "largest error of the energy"}
    for quantity, frames in errors["worst_frames"].items():
        lines.append(f"{heads[quantity]}, {errors['units'][quantity]}")
        for frame in frames[:WORST]:
            where = frame["file"]
            where += "".join(f": {key} {frame[key]}" for key in ("frame", "row") if key in frame)
            where += f", atom {frame['atom']}" if "atom" in frame else ""
            where += f" ({frame['config_type']})" if "config_type" in frame else ""
            lines.append(f"{frame['error']:12.3f}  {where}")
    return "\n".join(lines)


def ensemble_table(errors: dict[str, Any]) -> str:
    """The spread of an ensemble beside the error of its mean."""
    ensemble = errors["ensemble"]
    lines = [
        f"{ensemble['members']} members",
        f"{'':24}{'spread':>10}{'error':>10}{'ratio':>8}  rank correlation of the two",
    ]
    for quantity in ("energy", "forces"):
        if quantity in ensemble:
            found = ensemble[quantity]
            lines.append(
                f"{quantity:24}{found['spread']:10.3f}{found['error']:10.3f}{found['ratio']:8.2f}"
                f"  {found['rank_correlation']:.2f} (RMS, {errors['units'][quantity]})"
            )
    return "\n".join(lines)


def uncertainty_table(errors: dict[str, Any]) -> str:
    """The force uncertainty of a single network beside its error."""
    found = errors["uncertainty"]
    correlation = found["rank_correlation"]
    return (
        f"{'':24}{'uncertainty':>12}{'error':>10}{'ratio':>8}  rank correlation of the two: atoms, "
        "largest of frames, RMS of frames\n"
        f"{'forces':24}{found['uncertainty']:12.3f}{found['error']:10.3f}{found['ratio']:8.2f}  "
        f"{correlation['atoms']:.2f}, {correlation['largest_of_frames']:.2f}, "
        f"{correlation['rms_of_frames']:.2f} (RMS over atoms, {errors['units']['forces']})"
    )


def _line(label: str, found: dict[str, float], prefix: str, unit: str) -> str:
    return f"{label:24}{found[prefix + 'mae']:10.3f} {found[prefix + 'rmse']:10.3f} {unit}"
