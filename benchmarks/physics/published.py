"""The published ANI-1x potential on 216 waters: 1 ps of NVE in LAMMPS on 2 ranks and in OpenMM.

    python -m benchmarks.physics.published [--steps 2000]

Imports and exports it as a user would.
"""

import tempfile
from pathlib import Path

import click
import numpy as np

from benchmarks.command import benchmark
from benchmarks.models import export_published
from benchmarks.physics.engines import run_ase, run_lammps, run_openmm
from benchmarks.report import Check, at_most
from benchmarks.water import thermal_water


@benchmark("published", quick="Forty steps.")
@click.option("--steps", default=2000, show_default=True, help="Steps of 0.5 fs.")
def main(quick: bool, steps: int) -> tuple[dict, list[Check]]:
    """Run both engines and compare."""
    steps = 40 if quick else steps
    atoms = thermal_water()
    with tempfile.TemporaryDirectory() as folder:
        model = export_published(Path(folder))
        reference = run_ase(model, atoms, 0, 20)
        results = [
            run_lammps(model, atoms, steps, 20, 2, Path(folder)),
            run_openmm(model, atoms, steps, 20, "CPU"),
        ]
    rows, checks = {}, []
    for r in results:
        difference = r.force_difference(reference)
        excursion = float(np.ptp(r.total_energies)) / len(atoms)
        rows[r.engine] = {
            "max_force_difference_from_ASE_eV_per_A": difference,
            "drift_ueV_per_atom_per_ps": r.drift(),
            "energy_excursion_ueV_per_atom": 1e6 * excursion,
            "steps_per_second": r.steps_per_second,
        }
        print(f"{r.engine}: {rows[r.engine]}")
        # An explosion or a wrong force shows at once: the total energy of a stable run stays put.
        checks += [
            at_most(
                f"{r.engine}: largest force difference from ASE, float32, eV/Å", difference, 1e-5
            ),
            at_most(f"{r.engine}: excursion of the total energy, meV/atom", 1e3 * excursion, 1.0),
        ]
    return {"n_atoms": len(atoms), "steps": steps, "engines": rows}, checks


if __name__ == "__main__":
    main()
