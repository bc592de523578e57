"""The energy of water as one bond becomes shorter than any in the training data."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from ase import Atoms

from benchmarks.models import trained_water
from hipnn_ts.ase import HIPNNTSCalculator

REFERENCE = 1.0  # Å
DISTANCES = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)  # Å


def approach(frame: Atoms) -> dict[str, list[float]]:
    """Energies (eV) of a frame with one O-H bond at DISTANCES, less that at REFERENCE, by the
    trained model without and with its repulsion of nuclei."""
    oxygen = int(np.flatnonzero(frame.numbers == 8)[0])
    hydrogens = np.flatnonzero(frame.numbers == 1)
    vectors = frame.get_distances(oxygen, hydrogens, mic=True, vector=True)
    nearest = np.linalg.norm(vectors, axis=1).argmin()
    direction = vectors[nearest] / np.linalg.norm(vectors[nearest])
    found = {}
    for label, repulsion in {"without repulsion": False, "with repulsion": True}.items():
        with TemporaryDirectory() as folder:
            model = trained_water(Path(folder), repulsion)
            atoms = frame.copy()
            atoms.calc = HIPNNTSCalculator(model, beyond_training="ignore", uncertainty=False)
        energies = []
        for distance in (REFERENCE, *DISTANCES):
            atoms.positions[hydrogens[nearest]] = frame.positions[oxygen] + distance * direction
            energies.append(atoms.get_potential_energy())
        found[label] = [energy - energies[0] for energy in energies[1:]]
    return found
