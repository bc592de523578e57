"""Total energy of a molecule of 22 atoms over a nanosecond in OpenMM, 0.5 fs a step, float32.

    python -m benchmarks.physics.molecule_drift [--picoseconds 1000]

Alanine dipeptide by the model that examples/alanine_dipeptide trains (its run.sh makes it first
where it is not there). Its norms are round (cusp_regularisation 0.1): sharper ones let the energy
of so few atoms walk by more than the bar in 100 ps (docs/precision.md).
"""

import subprocess

import click

from benchmarks.blocks import drift_check
from benchmarks.command import benchmark
from benchmarks.openmm_contexts import nve_drift
from benchmarks.report import ROOT, Check
from hipnn_ts.data.read import read_frames
from hipnn_ts.openmm import create_force

EXAMPLE = ROOT / "examples" / "alanine_dipeptide"


@benchmark("molecule_drift", quick="Two picoseconds.")
@click.option("--picoseconds", default=1000.0, show_default=True)
def main(quick: bool, picoseconds: float) -> tuple[dict, list[Check]]:
    """Run and judge."""
    picoseconds = 2.0 if quick else picoseconds
    model = EXAMPLE / "run" / "model.pt"
    if not model.exists():
        subprocess.run(["bash", EXAMPLE / "run.sh"], check=True)
    atoms = read_frames(EXAMPLE / "run" / "labels.extxyz")[0]
    atoms.pbc = False
    force = create_force(model, atoms.numbers, None, False, beyond_training="ignore")
    drift, error = nve_drift(atoms, force, picoseconds)
    print(f"drift {drift:.3f} ± {error:.3f} µeV/atom/ps over {picoseconds:g} ps")
    return {
        "n_atoms": len(atoms),
        "picoseconds": picoseconds,
        "timestep_fs": 0.5,
        "drift_uev_per_atom_ps": drift,
        "standard_error": error,
    }, [drift_check(f"22 atoms, OpenMM, {picoseconds:g} ps", drift, error)]


if __name__ == "__main__":
    main()
