"""Constant energy over a long run: liquid water, 0.5 fs, float32, in LAMMPS.

    python benchmarks/lammps_conservation.py [--picoseconds 100] [--hours 1] [--model FILE]

Adds the section `conservation` to benchmarks/results/lammps.json. The liquid is held at 300 K for
some picoseconds first; what counts is the slope of the total energy after that, with its error.
The potential is the one of examples/water as the demo trains and exports it: the published ANI-1x
potential has norms that are not smooth (cusp regularisation 1e-30), see docs/precision.md.
"""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np
from blocks import slope
from lammps_checks import print_checks
from lammps_runs import ROOT, WATER, launch, write_water
from lammps_scaling import RESULTS, save

DEMO = str(ROOT / "demo" / "water-float32.pt")
N_ATOMS = 1296
TIMESTEP = 0.0005  # ps
INTERVAL = 20  # steps between records
BOLTZMANN = 8.617333262e-5  # eV/K
PER_MASS = 9648.53329  # (Å/ps)² in eV/u

SCRIPT = """\
units metal
atom_style atomic
{box}
{pair}
neighbor 2.0 bin
velocity all create 300 20231 mom yes dist gaussian
timestep {timestep}
fix integrate all nve
fix heat all langevin 300 300 0.1 48279 zero yes
run {warm}
unfix heat
velocity all zero linear
reset_timestep 0
variable energy equal etotal
variable vx equal vcm(all,x)
variable vy equal vcm(all,y)
variable vz equal vcm(all,z)
fix record all ave/time {interval} 1 {interval} v_energy v_vx v_vy v_vz &
  file energies format " %.15g"
thermo 1000
thermo_modify flush yes
timer timeout {seconds} every 1000
run {steps}
"""


def measure(
    model: Path, folder: Path, picoseconds: float, hours: float, ranks: int, warm: float
) -> dict:
    script = SCRIPT.format(
        box=WATER.commands(N_ATOMS),
        pair=f"pair_style hipnn/ts\npair_coeff * * {model} O H",
        timestep=TIMESTEP,
        warm=round(warm / TIMESTEP),
        interval=INTERVAL,
        seconds=round(3600 * hours),
        steps=round(picoseconds / TIMESTEP),
    )
    text = launch(script, folder, ranks, 1)
    n_atoms = int(text.split("Loop time of")[-1].split(" with ")[1].split()[0])
    table = np.loadtxt(folder / "energies")
    times, energies = TIMESTEP * table[:, 0], table[:, 1]
    drift, error = slope(times, 1e6 * energies / n_atoms)
    thermal = np.sqrt(3 * BOLTZMANN * 300 * PER_MASS / (18.015 / 3))
    return {
        "model": model.name,
        "n_atoms": n_atoms,
        "ranks": ranks,
        "picoseconds": float(times[-1]),
        "drift_ueV_per_atom_per_ps": drift,
        "standard_error": error,
        "excursion_ueV_per_atom": float(1e6 * np.ptp(energies) / n_atoms),
        "centre_of_mass_speed": float(np.abs(table[:, 2:]).max() / thermal),
    }


@click.command()
@click.option("--picoseconds", default=100.0, show_default=True, help="Length at constant energy.")
@click.option("--hours", default=1.0, show_default=True, help="End there, however far it came.")
@click.option("--ranks", default=2, show_default=True)
@click.option("--warm", default=5.0, show_default=True, help="Picoseconds at 300 K before.")
@click.option("--model", default=DEMO, show_default=True, type=click.Path(exists=True))
@click.option("--quick", is_flag=True, help="Into build/lammps.json instead of the results.")
def main(
    picoseconds: float, hours: float, ranks: int, warm: float, model: str, quick: bool
) -> None:
    """Run, print, add to the report."""
    path = ROOT / "build" / "lammps.json" if quick else RESULTS
    with tempfile.TemporaryDirectory() as folder:
        write_water(Path(folder))
        rows = measure(Path(model).resolve(), Path(folder), picoseconds, hours, ranks, warm)
    print(rows)
    # Read late: another section may have been written meanwhile.
    sections = json.loads(path.read_text())["sections"] if path.is_file() else {}
    sections["conservation"] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": rows,
    }
    print_checks(save(path, sections))


if __name__ == "__main__":
    main()
