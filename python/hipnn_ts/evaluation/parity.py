"""Parity plots: prediction against reference."""

from pathlib import Path

import numpy as np

from hipnn_ts.evaluation.compare import Comparison
from hipnn_ts.evaluation.errors import UNITS, energy_deviations
from hipnn_ts.extras import need
from hipnn_ts.files import replacing

# Largest number of points in a panel; more would only make the file larger.
MOST = 20_000


def draw_parity(path: Path, comparison: Comparison, energy_unit: str) -> None:
    """One panel each for energies, forces and stress, if there is a reference (PNG).

    Raises
    ------
    InputError
        Matplotlib is not installed, or the file cannot be written.
    """
    need("matplotlib", f"{path}: drawing it").use("Agg")
    from matplotlib import pyplot as plt

    panels = _panels(comparison)
    figure, axes = plt.subplots(1, len(panels), figsize=(4 * len(panels), 4), squeeze=False)
    for axis, (label, dimension, reference, predicted) in zip(axes[0], panels, strict=True):
        unit = UNITS[energy_unit]
        reference, predicted = reference / unit, predicted / unit
        ends = [min(reference.min(), predicted.min()), max(reference.max(), predicted.max())]
        axis.plot(ends, ends, color="0.6", linewidth=1)
        axis.plot(reference, predicted, ".", markersize=2, alpha=0.5, rasterized=True)
        axis.set_xlabel(f"reference {label} ({energy_unit}{dimension})")
        axis.set_ylabel(f"predicted {label} ({energy_unit}{dimension})")
        axis.set_aspect("equal")
    figure.tight_layout()
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
    plt.close(figure)


def _panels(comparison: Comparison) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    frames = comparison.frames
    everything = range(len(frames))
    panels = []
    if known := comparison.with_energy(everything):
        # Per atom and relative to the mean: total energies of different compositions would hide all
        # errors.
        energies = np.array([frames[i].calc.results["energy"] / len(frames[i]) for i in known])
        energies -= energies.mean()
        predicted = energies + energy_deviations(comparison, everything)
        panels = [("energy", "/atom", energies, predicted)]
    pairs = {
        "forces": [
            (frames[i].calc.results["forces"][atoms], found[atoms])
            for i, found in enumerate(comparison.forces)
            if found is not None
            for atoms in [comparison.known_forces(i)]
        ],
        "stress": [
            (frame.get_stress(voigt=False), found)
            for frame, found in zip(frames, comparison.stresses, strict=True)
            if found is not None
        ],
    }
    for (label, found), dimension in zip(pairs.items(), ("/Å", "/Å³"), strict=True):
        if found:
            reference, predicted = (
                np.concatenate([np.ravel(pair[side]) for pair in found]) for side in (0, 1)
            )
            thin = slice(None, None, 1 + len(reference) // MOST)
            panels.append((label, dimension, reference[thin], predicted[thin]))
    return panels
