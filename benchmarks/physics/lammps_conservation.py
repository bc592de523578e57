"""Conservation of energy and momentum in a long run: liquid water, 0.5 fs, float32, in LAMMPS.

Adds the section `conservation` to results/lammps.json. After some picoseconds with a thermostat at
300 K, the drift of the total energy and the velocity of the centre of mass are judged. The model is
the demo's (`make demo` comes first): the published ANI-1x potential has norms that are not smooth
(cusp regularisation 1e-30), see docs/precision.md.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
from ase import units

from benchmarks.blocks import slope
from benchmarks.command import Findings, benchmark
from benchmarks.physics.side_by_side import FEMTOSECONDS, Run, start_lammps, wait
from benchmarks.report import ROOT
from benchmarks.speed.lammps_bars import with_section
from benchmarks.water import thermal_water

MODEL = ROOT / "demo" / "water-float32.pt"
TIMESTEP = 0.5  # fs
INTERVAL = 20  # steps between records
COLUMNS = "$(etotal:%.15g) $(vcm(all,x):%.15g) $(vcm(all,y):%.15g) $(vcm(all,z):%.15g)"
COMMANDS = """\
fix move all nve
fix heat all langevin 300 300 0.1 48279 zero yes
run {warm}
unfix heat
velocity all zero linear
"""


@benchmark("lammps", picoseconds=0.2, warm=0.05)
@click.option("--model", default=MODEL, type=click.Path(exists=True, path_type=Path))
def main(
    scratch: Path, earlier: dict, model: Path, picoseconds=100.0, hours=1.0, ranks=2, warm=5.0
) -> Iterator[Findings]:
    """Run for ``picoseconds`` after ``warm`` ones with a thermostat, but at most for ``hours``."""
    atoms = thermal_water((4, 2, 2))
    n_steps = round(picoseconds / (FEMTOSECONDS * TIMESTEP))
    commands = COMMANDS.format(warm=round(warm / (FEMTOSECONDS * TIMESTEP)))
    run = Run(model.resolve(), atoms, TIMESTEP, INTERVAL, 60 * hours, n_steps)
    engine = start_lammps(scratch / "lammps", run, ranks, COLUMNS, commands)
    wait([engine])
    record = engine.recorded()
    times, energies, *centre = record[:, record[0] > warm]
    drift, error = slope(times, 1e6 * energies / len(atoms))
    thermal = np.sqrt(3 * units.kB * 300 / (18.015 / 3)) * 1e3 * units.fs  # Å/ps
    yield with_section(
        earlier,
        "conservation",
        {
            "model": model.name,
            "n_atoms": len(atoms),
            "ranks": ranks,
            "picoseconds": float(times[-1] - warm),
            "drift_ueV_per_atom_per_ps": drift,
            "standard_error": error,
            "excursion_ueV_per_atom": float(1e6 * np.ptp(energies) / len(atoms)),
            "centre_of_mass_speed": float(np.abs(centre).max() / thermal),
        },
    )


if __name__ == "__main__":
    main()
