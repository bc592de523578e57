"""Run in.copper's simulation with EMT in ASE and plot both: python compare.py FOLDER [STEPS]."""

import sys
from pathlib import Path

import numpy as np
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from ase.neighborlist import neighbor_list
from ase.optimize import FIRE
from matplotlib.figure import Figure

TEMPERATURE, EDGE, REACH, BINS = 1800, 3.72, 5.5, 100

folder, steps = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 3000
random = np.random.default_rng(1)
atoms = bulk("Cu", a=EDGE, cubic=True) * (3, 3, 3)
atoms.calc = EMT()
atoms.rattle(0.45, rng=random)
FIRE(atoms, logfile=None).run(steps=10)
thermalize_momenta(atoms, temperature_K=2 * TEMPERATURE, rng=random)
settle = {"timestep": 2 * units.fs, "temperature_K": TEMPERATURE, "rng": random}
Langevin(atoms, friction=0.01 / units.fs, **settle).run(min(1500, steps))
Stationary(atoms)
dynamics = Langevin(atoms, friction=0.0005 / units.fs, **settle)
start = atoms.positions - atoms.positions.mean(axis=0)
times, displacements, counts = [], [], np.zeros(BINS)
for k in range(steps // 10):
    dynamics.run(10)
    moved = atoms.positions - atoms.positions.mean(axis=0) - start
    times.append(0.02 * (k + 1))
    displacements.append((moved**2).sum(axis=1).mean())
    counts += np.histogram(neighbor_list("d", atoms, REACH), BINS, (0, REACH))[0]
edges = np.linspace(0, REACH, BINS + 1)
shells = 4 / 3 * np.pi * np.diff(edges**3) * len(atoms) / atoms.get_volume()
structure = counts / len(times) / len(atoms) / shells

step, msd = np.loadtxt(folder / "msd.txt", ndmin=2).T
rdf = np.loadtxt(folder / "rdf.txt", skiprows=4, ndmin=2)
figure = Figure(figsize=(10, 4), layout="constrained")
left, right = figure.subplots(1, 2)
for axis, name, (x, y) in (
    (left, "HIP-NN-TS, LAMMPS", (step * 2e-3, msd)),
    (left, "EMT, ASE", (times, displacements)),
    (right, "HIP-NN-TS, LAMMPS", (rdf[:, 1], rdf[:, 2])),
    (right, "EMT, ASE", ((edges[1:] + edges[:-1]) / 2, structure)),
):
    axis.plot(x, y, label=name)
diffusion = np.polyfit(times, displacements, 1)[0] / 6 * 1e-4
own = np.polyfit(step * 2e-3, msd, 1)[0] / 6 * 1e-4
left.set(xlabel="time, ps", ylabel="mean square displacement, Å²")
left.set_title(f"D {own:.2g} (HIP-NN-TS), {diffusion:.2g} cm²/s (EMT)")
right.set(xlabel="distance, Å", ylabel="g(r)")
right.legend()
figure.savefig(folder / "copper.png", dpi=90)
print(f"diffusion at {TEMPERATURE} K: {own:.2g} cm²/s, EMT {diffusion:.2g} cm²/s")
