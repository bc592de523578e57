"""Predictions beside the reference, frame by frame, in a file."""

from pathlib import Path

from hipnn_ts.data.labels import WEIGHT
from hipnn_ts.evaluation.compare import Comparison
from hipnn_ts.frames import write_frames

PREFIX = "hipnn_ts_"


def write_predictions(path: str | Path, comparison: Comparison) -> None:
    """Write all frames as extended XYZ, compressed if the name ends in .gz or .xz.

    Reference values keep ASE's names (``energy``, ``forces``, ``stress``). Predictions are
    ``hipnn_ts_energy``, ``hipnn_ts_forces`` and ``hipnn_ts_stress``; derivatives are predicted if
    the frame has a reference. Units are eV, eV/Å and eV/Å^3, whatever those of the input file. The
    file appears completely or not at all.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    frames = []
    for index, reference in enumerate(comparison.frames):
        frame = reference.copy()
        frame.calc = reference.calc
        frame.info.pop(WEIGHT, None)
        frame.info[f"{PREFIX}energy"] = float(comparison.energies[index])
        if comparison.forces[index] is not None:
            frame.set_array(f"{PREFIX}forces", comparison.forces[index])
        if comparison.stresses[index] is not None:
            frame.info[f"{PREFIX}stress"] = comparison.stresses[index]
        frames.append(frame)
    write_frames(path, frames)
