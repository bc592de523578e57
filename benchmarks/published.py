"""The published ANI-1x potential on 216 waters: 1 ps of NVE in LAMMPS on 2 ranks and in OpenMM.

    python benchmarks/published.py [--steps 2000]

Imports and exports it as a user would; writes benchmarks/results/published.json.
"""

import sys
import tempfile
from pathlib import Path

import click
import numpy as np
from engines import run_ase, run_lammps, run_openmm
from hippynn_peer import published_file
from water import thermal_water

from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.export import export_potential
from hipnn_ts.hippynn import import_hippynn

ROOT = Path(__file__).parents[1]


def export_published(folder: Path) -> Path:
    """The published potential as a file for the engines."""
    weights = published_file()
    if weights is None:
        sys.exit("published ANI-1x potential not found; set HIPNN_TS_SHARED_DATA")
    potential, provenance = import_hippynn(weights, ROOT / "examples" / "hippynn" / "ani1x.yaml")
    export_potential(potential, folder / "ani1x.pt", provenance)
    return folder / "ani1x.pt"


@click.command()
@click.option("--steps", default=2000, show_default=True, help="Steps of 0.5 fs.")
def main(steps: int) -> None:
    """Run both engines, print and write what came out."""
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
        difference = float(np.abs(r.forces - reference.forces).max())
        excursion = float(np.ptp(r.total_energies)) / len(atoms)
        rows[r.engine] = {
            "max_force_difference_from_ASE_eV_per_A": difference,
            "drift_ueV_per_atom_per_ps": r.drift(),
            "energy_excursion_ueV_per_atom": 1e6 * excursion,
            "steps_per_second": r.steps_per_second,
        }
        print(f"{r.engine}: {rows[r.engine]}")
        name = f"{r.engine}: largest force difference from ASE, float32, eV/Å"
        checks.append(Check(name=name, value=difference, limit=1e-5, better="lower"))
        # An explosion or a wrong force shows at once: the total energy of a stable run stays put.
        name = f"{r.engine}: excursion of the total energy, meV/atom"
        checks.append(Check(name=name, value=1e3 * excursion, limit=1.0, better="lower"))
    figures = {"n_atoms": len(atoms), "steps": steps, "engines": rows}
    write_report(ROOT / "benchmarks" / "results" / "published.json", figures, checks)
    sys.exit(0 if all(check.passed for check in checks) else 1)


if __name__ == "__main__":
    main()
