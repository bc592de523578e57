"""Plot the density and g(r) that in.water_npt wrote: python plot.py FOLDER."""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

folder = Path(sys.argv[1])
step, density, _ = np.loadtxt(folder / "density.txt", ndmin=2).T
table = np.loadtxt(folder / "rdf.txt", skiprows=4, ndmin=2)
figure = Figure(figsize=(10, 4), layout="constrained")
time, structure = figure.subplots(1, 2)
time.plot(step * 0.5e-3, density)
time.set(xlabel="time, ps", ylabel="density, g/cm³", title=f"mean {density.mean():.3f} g/cm³")
for column, name in ((2, "O-O"), (4, "O-H"), (6, "H-H")):
    structure.plot(table[:, 1], table[:, column], label=name)
structure.set(xlabel="distance, Å", ylabel="g(r)", ylim=(0, 4))
structure.legend()
figure.savefig(folder / "water.png", dpi=90)
print(f"density {density.mean():.3f} g/cm³, picture {folder / 'water.png'}")
