"""Training data for alanine dipeptide from GFN2-xTB dynamics: python label.py OUT [FRAMES]."""

import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "reference_data"))
from sampling import langevin  # noqa: E402
from tblite.ase import TBLite  # noqa: E402

PHI, PSI = (4, 6, 8, 14), (6, 8, 14, 16)
# Atoms beyond the central bond of each angle, which turn with it.
BEYOND = {PHI: [*range(8, 22)], PSI: [*range(14, 22)]}
STARTS = (
    *((-80, 75), (-150, 155), (-75, -15), (60, -60), (60, 40), (-150, 60)),  # φ, ψ in degrees
    *((0, 75), (0, 150), (120, 60), (120, 180)),  # on the barriers between these
)
TEMPERATURES = (300.0, 600.0)
INTERVAL = 20  # steps of 1 fs between frames

n_frames = int(sys.argv[2]) if len(sys.argv) > 2 else 25
frames = []
for index, (phi, psi) in enumerate(STARTS):
    for temperature in TEMPERATURES:
        atoms = read(HERE.parent / "openmm" / "alanine_dipeptide.pdb")
        atoms.set_cell(None)
        atoms.pbc = False
        for angle, value in ((PHI, phi), (PSI, psi)):
            atoms.set_dihedral(*angle, value, indices=BEYOND[angle])
        random = np.random.default_rng(len(frames))
        for frame in langevin(atoms, "GFN2-xTB", temperature, 1.0, n_frames, INTERVAL, random):
            frame.calc = TBLite(method="GFN2-xTB", verbosity=0)
            energy, forces = frame.get_potential_energy(), frame.get_forces()
            labelled = Atoms(frame.symbols, frame.positions)
            labelled.info["trajectory"] = f"{index}-{temperature:.0f}K"
            labelled.calc = SinglePointCalculator(labelled, energy=energy, forces=forces)
            frames.append(labelled)
write(sys.argv[1], frames)
print(f"{sys.argv[1]}: {len(frames)} frames")
