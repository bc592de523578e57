"""Copies of a structure with displaced atoms: python rattle.py STRUCTURE FRAMES [NUMBER]."""

import sys

import numpy as np
from ase.io import read, write

structure = read(sys.argv[1])
n = int(sys.argv[3]) if len(sys.argv) > 3 else 30
frames = []
for index, width in enumerate(np.linspace(0.005, 0.05, n)):  # Å
    frames.append(structure.copy())
    frames[-1].rattle(width, seed=index)
write(sys.argv[2], frames)
