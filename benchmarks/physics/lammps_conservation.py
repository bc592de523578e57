"""Constant energy over a long run: liquid water, 0.5 fs, float32, in LAMMPS.

    python -m benchmarks.physics.lammps_conservation [--picoseconds 100] [--hours 1] [--model FILE]

Adds the section `conservation` to results/lammps.json. The liquid is held at 300 K for some
picoseconds first; what counts is the slope of the total energy after that, with its error. The
potential is the one of examples/water as the demo trains and exports it: the published ANI-1x
potential has norms that are not smooth (cusp regularisation 1e-30), see docs/precision.md.
"""

import tempfile
from pathlib import Path

import click
import numpy as np
from ase import units

from benchmarks.blocks import slope
from benchmarks.lammps import dynamics, hipnn, output_of
from benchmarks.report import ROOT, print_checks, results_file
from benchmarks.speed.lammps_scaling import save
from benchmarks.speed.materials import WATER, write_cells

N_ATOMS = 1296
TIMESTEP = 0.5  # fs
INTERVAL = 20  # steps between records
RECORD = """\
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


@click.command(help=__doc__)
@click.option("--picoseconds", default=100.0, show_default=True, help="Length at constant energy.")
@click.option("--hours", default=1.0, show_default=True, help="End there, however far it came.")
@click.option("--ranks", default=2, show_default=True)
@click.option("--warm", default=5.0, show_default=True, help="Picoseconds at 300 K before.")
@click.option("--model", default=ROOT / "demo" / "water-float32.pt", type=click.Path(exists=True))
@click.option("--quick", is_flag=True, help="0.2 ps, into build/quick.")
def main(
    picoseconds: float, hours: float, ranks: int, warm: float, model: str, quick: bool
) -> None:
    picoseconds, warm = (0.2, 0.05) if quick else (picoseconds, warm)
    file = Path(model).resolve()
    script = dynamics(hipnn(file), WATER.commands(N_ATOMS), TIMESTEP) + RECORD.format(
        warm=round(1e3 * warm / TIMESTEP),
        interval=INTERVAL,
        seconds=round(3600 * hours),
        steps=round(1e3 * picoseconds / TIMESTEP),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_cells(folder)
        text = output_of(script, folder, ranks)
        table = np.loadtxt(folder / "energies")
    n_atoms = int(text.split("Loop time of")[-1].split(" with ")[1].split()[0])
    times, energies = 1e-3 * TIMESTEP * table[:, 0], table[:, 1]
    drift, error = slope(times, 1e6 * energies / n_atoms)
    thermal = np.sqrt(3 * units.kB * 300 / (18.015 / 3)) * 1e3 * units.fs  # Å/ps
    rows = {
        "model": file.name,
        "n_atoms": n_atoms,
        "ranks": ranks,
        "picoseconds": float(times[-1]),
        "drift_ueV_per_atom_per_ps": drift,
        "standard_error": error,
        "excursion_ueV_per_atom": float(1e6 * np.ptp(energies) / n_atoms),
        "centre_of_mass_speed": float(np.abs(table[:, 2:]).max() / thermal),
    }
    print(rows)
    print_checks(save(results_file("lammps", quick), "conservation", rows))


if __name__ == "__main__":
    main()
