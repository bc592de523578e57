"""Energy drift of a molecule of 22 atoms over a nanosecond of NVE in OpenMM, 0.5 fs, float32.

Alanine dipeptide with the model of examples/alanine_dipeptide, whose run.sh is run first if there
is no model. Its norms are round (cusp_regularisation 0.1): sharper ones let the energy of so few
atoms walk by more than the bar in 100 ps (docs/precision.md).
"""

import subprocess

from benchmarks.blocks import drift_check
from benchmarks.command import Findings, benchmark
from benchmarks.openmm_contexts import nve_drift
from benchmarks.report import ROOT
from hipnn_ts.data.read import read_frames
from hipnn_ts.openmm import create_force

EXAMPLE = ROOT / "examples" / "alanine_dipeptide"


@benchmark("molecule_drift", picoseconds=2.0)
def main(picoseconds=1000.0) -> Findings:
    model = EXAMPLE / "run" / "model.pt"
    if not model.exists():
        subprocess.run(["bash", EXAMPLE / "run.sh"], check=True)
    atoms = read_frames(EXAMPLE / "run" / "labels.extxyz")[0]
    atoms.pbc = False
    force = create_force(model, atoms.numbers, None, False, beyond_training="ignore")
    drift, error = nve_drift(atoms, force, picoseconds)
    return {
        "n_atoms": len(atoms),
        "picoseconds": picoseconds,
        "timestep_fs": 0.5,
        "drift_uev_per_atom_ps": drift,
        "standard_error": error,
    }, [drift_check(f"22 atoms, OpenMM, {picoseconds:g} ps", (drift, error))]


if __name__ == "__main__":
    main()
