"""Label frames with GFN2-xTB and print those that fail: python label.py FRAMES LABELLED."""

import sys

from ase import Atoms
from ase.calculators.calculator import CalculatorError
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from tblite.ase import TBLite

labelled = []
for index, frame in enumerate(read(sys.argv[1], ":")):
    atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc)
    atoms.calc = TBLite(method="GFN2-xTB", verbosity=0)
    try:
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    except CalculatorError as error:
        print(f"frame {index}: {error}")
        continue
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
    labelled.append(atoms)
write(sys.argv[2], labelled)
print(f"{sys.argv[2]}: {len(labelled)} labels")
