"""Molecular dynamics that ends when the members of a committee disagree on a force.

python walk.py MODEL STRUCTURE FRAMES STEPS
"""

import sys

import numpy as np
from ase import units
from ase.io import read, write
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

from hipnn_ts.ase import HIPNNTSCalculator

STOP = 0.8  # eV/Å
N_STARTS, N_STEPS = 8, int(sys.argv[4])

calculator = HIPNNTSCalculator(sys.argv[1], beyond_training="ignore")
frames = []
for seed in range(N_STARTS):
    atoms, random = read(sys.argv[2]), np.random.default_rng(seed)
    atoms.calc = calculator
    temperature = 300 if seed % 2 == 0 else 600
    MaxwellBoltzmannDistribution(atoms, temperature_K=temperature, rng=random)
    dynamics = Langevin(
        atoms,
        0.5 * units.fs,
        temperature_K=temperature,
        friction=0.02 / units.fs,
        rng=random,
        fixcm=False,
    )
    for step, _ in enumerate(dynamics.irun(N_STEPS)):
        largest = calculator.results["forces_std"].max()
        if step % 10 == 0 or largest > STOP:
            frames.append(atoms.copy())
        if largest > STOP:
            print(f"{temperature} K: stopped after {0.5 * step} fs at {largest:.2f} eV/Å")
            break
write(sys.argv[3], frames)
