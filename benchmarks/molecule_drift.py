"""Total energy of a molecule of 22 atoms over a nanosecond in OpenMM, 0.5 fs a step, float32.

    python benchmarks/molecule_drift.py [--picoseconds 1000]

Alanine dipeptide by the model that examples/alanine_dipeptide trains (its run.sh makes it first
where it is not there). Its norms are round (cusp_regularisation 0.1): sharper ones let the energy
of so few atoms walk by more than the bar in 100 ps (docs/precision.md). Writes
benchmarks/results/molecule_drift.json.
"""

import subprocess
import sys
from pathlib import Path

import click
from blocks import drift_check
from openmm_contexts import nve_drift

from hipnn_ts.benchmark import write_report
from hipnn_ts.data.read import read_frames
from hipnn_ts.openmm import create_force

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "alanine_dipeptide"
RESULT = ROOT / "benchmarks" / "results" / "molecule_drift.json"


@click.command()
@click.option("--picoseconds", default=1000.0, show_default=True)
def main(picoseconds: float) -> None:
    """Run, print, write."""
    model = EXAMPLE / "run" / "model.pt"
    if not model.exists():
        subprocess.run(["bash", EXAMPLE / "run.sh"], check=True)
    atoms = read_frames(EXAMPLE / "run" / "labels.extxyz")[0]
    atoms.pbc = False
    force = create_force(model, atoms.numbers, None, False, beyond_training="ignore")
    drift, error = nve_drift(atoms, force, picoseconds)
    check = drift_check(f"22 atoms, OpenMM, {picoseconds:g} ps", drift, error)
    figures = {
        "n_atoms": len(atoms),
        "picoseconds": picoseconds,
        "timestep_fs": 0.5,
        "drift_uev_per_atom_ps": drift,
        "standard_error": error,
    }
    write_report(RESULT, figures, [check])
    print(f"drift {drift:.3f} ± {error:.3f} µeV/atom/ps over {picoseconds:g} ps")
    sys.exit(0 if check.passed else 1)


if __name__ == "__main__":
    main()
