"""The answers of one path, in a separate process, which is all that a crash can end.

    python -m hipnn_ts.selftest.worker PATH FOLDER

PATH is python, cuda, openmm: with a platform's name, or torch, which has no dynamics; see
``folder`` for the content of FOLDER. The exit status is that of ``missing`` if there is no such
path here; the last line says why.
"""

import sys
from pathlib import Path

import numpy as np
from ase import Atoms

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.selftest.dynamics import verlet
from hipnn_ts.selftest.folder import MODEL, read_frames, read_start, write_answers
from hipnn_ts.selftest.missing import STATUS, reason_missing
from hipnn_ts.selftest.questions import Answers


def main() -> None:
    """Answer the questions in the folder."""
    path, folder = sys.argv[1], Path(sys.argv[2])
    reason = reason_missing(path, folder / MODEL)
    if reason is not None:
        print(reason)
        sys.exit(STATUS)
    if path == "torch":
        from hipnn_ts.selftest import reference

        answers = reference.evaluate(folder / MODEL, read_frames(folder))
        trajectory = None
    elif path.startswith("openmm:"):
        from hipnn_ts.selftest.openmm import dynamics, evaluate

        platform = path.removeprefix("openmm:")
        answers = evaluate(platform, folder / MODEL, read_frames(folder))
        trajectory = dynamics(platform, folder / MODEL, *read_start(folder))
    else:
        calculator = HIPNNTSCalculator(folder / MODEL, "cpu" if path == "python" else path)
        answers = _evaluate(calculator, read_frames(folder))
        trajectory = verlet(calculator, read_start(folder))
    write_answers(folder, path, answers, trajectory)


def _evaluate(calculator: HIPNNTSCalculator, frames: list[Atoms]) -> Answers:
    energies, forces, virials = [], [], []
    for frame in frames:
        calculator.calculate(frame)
        energies.append(calculator.results["energy"])
        forces.append(calculator.results["forces"])
        virial = np.zeros((3, 3))
        if frame.pbc.all():
            virial = calculator.get_property("stress", frame) * frame.get_volume()
            virial = virial[[[0, 5, 4], [5, 1, 3], [4, 3, 2]]]  # Voigt order
        virials.append(virial)
    return Answers(np.array(energies), np.array(forces), np.array(virials))


if __name__ == "__main__":
    main()
