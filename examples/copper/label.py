"""Training data for copper from effective medium theory (EMT): python label.py OUT [FRAMES]."""

import sys

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta

# Temperature (K), linear strain, atoms removed.
RUNS = (
    (300, 0.0, 0),
    (300, 0.03, 0),
    (300, -0.03, 0),
    (900, 0.01, 1),
    (1300, 0.02, 0),
    (1800, 0.02, 2),
    (2500, 0.03, 0),
    (2500, 0.05, 0),
)
STEPS_TO_MELT = 150

n_frames = int(sys.argv[2]) if len(sys.argv) > 2 else 15
frames = []
for index, (temperature, strain, n_vacancies) in enumerate(RUNS):
    random = np.random.default_rng(index)
    atoms = bulk("Cu", cubic=True) * (2, 2, 2)
    atoms.set_cell(atoms.cell * (1 + strain), scale_atoms=True)
    del atoms[random.permutation(len(atoms))[:n_vacancies]]
    atoms.calc = EMT()
    # A crystal melts soon if it starts hot and its atoms are displaced far.
    thermalize_momenta(atoms, temperature_K=2 * temperature, rng=random)
    atoms.rattle(0.25 if temperature > 1500 else 0.02, rng=random)
    dynamics = Langevin(
        atoms, 2 * units.fs, temperature_K=temperature, friction=0.02 / units.fs, rng=random
    )
    dynamics.run(STEPS_TO_MELT)
    for _ in range(n_frames):
        dynamics.run(25)
        frame = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)
        frame.info["trajectory"] = index
        frame.calc = SinglePointCalculator(
            frame,
            energy=atoms.get_potential_energy(),
            forces=atoms.get_forces(),
            stress=atoms.get_stress(),
        )
        frames.append(frame)
write(sys.argv[1], frames)
print(f"{sys.argv[1]}: {len(frames)} frames")
