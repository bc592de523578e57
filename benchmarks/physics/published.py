"""The published ANI-1x potential on 216 waters: 1 ps of NVE in LAMMPS on 2 ranks and in OpenMM.

It is imported and exported as a user would. Judged are the forces beside ASE's and the excursion of
the total energy. Needs the published data (HIPNN_TS_SHARED_DATA).
"""

from pathlib import Path

import numpy as np

from benchmarks.command import Findings, benchmark
from benchmarks.models import export_published
from benchmarks.physics.engines import run_ase, run_lammps, run_openmm
from benchmarks.report import at_most
from benchmarks.water import thermal_water


@benchmark("published", steps=40)
def main(scratch: Path, steps=2000) -> Findings:
    atoms = thermal_water()
    model = export_published(scratch)
    reference = run_ase(model, atoms)
    results = [
        run_lammps(model, atoms, steps, 20, 2, scratch),
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
        # The total energy of a stable run stays put: an explosion or a wrong force shows at once.
        forces = f"{r.engine}: largest force difference from ASE, float32, eV/Å"
        energy = f"{r.engine}: excursion of the total energy, meV/atom"
        checks += [at_most(forces, difference, 1e-5), at_most(energy, 1e3 * excursion, 1.0)]
    return {"n_atoms": len(atoms), "steps": steps, "engines": rows}, checks


if __name__ == "__main__":
    main()
