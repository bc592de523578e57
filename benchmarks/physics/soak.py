"""Long runs at constant energy: does memory grow, and does the energy drift?

LAMMPS on two ranks and OpenMM on its CPU platform run at the same time. By default a small model
with random weights runs the self-test's lattice of its elements; --model and --start name an
exported file and data whose first configuration it runs, at 300 K. Judged are the growth of the
resident memory from the second to the last quarter of the run, and the drift of the total energy in
the last three quarters. With --steps, which are too few for a drift, only growth is judged and no
report is written.
"""

from pathlib import Path

import click
import numpy as np
from ase import Atoms
from ase.md.velocitydistribution import Stationary, thermalize_momenta

from benchmarks.blocks import drift_check, slope
from benchmarks.command import Findings, benchmark
from benchmarks.physics.side_by_side import Engine, Run, start_lammps, start_openmm, wait
from benchmarks.report import at_most
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.data.read import read_frames
from hipnn_ts.dynamics import langevin
from hipnn_ts.selftest.dynamics import relaxed
from hipnn_ts.selftest.model import write_random_model
from hipnn_ts.selftest.questions import BOUNDS, Questions

REPEATS = (2, 2, 1)  # of the start configuration in runs of minutes; 1 in runs of steps
EVERY = 50  # steps between records
GROWTH = 2.0  # MiB


def thermal(model: Path, start: str | None, repeats) -> Atoms:
    """Atoms at about 300 K; a given start is kept there for a picosecond first."""
    calculator = HIPNNTSCalculator(model)
    elements = calculator.metadata.network.elements
    base = read_frames(start)[0] if start else Questions(elements, BOUNDS["float32"]).base
    atoms = relaxed(calculator, base) * repeats
    random = np.random.default_rng(0)
    thermalize_momenta(atoms, temperature_K=300, rng=random)
    if start:
        dynamics = langevin(atoms, calculator, 300, timestep=0.5, friction=0.02, random=random)
        dynamics.run(2000)
        atoms = dynamics.atoms
        atoms.calc = None
    Stationary(atoms)
    return atoms


def run_openmm(run: Run) -> None:
    from benchmarks.openmm_contexts import total_energy
    from hipnn_ts.selftest.openmm import moving

    context = moving("CPU", run.model, run.start, run.timestep)
    run.record(context.getIntegrator().step, lambda: (total_energy(context),))


def judge(engine: Engine, n_atoms: int) -> dict:
    """Growth of memory (MiB) and drift of the energy (µeV/atom/ps) of an engine."""
    memory = engine.memory
    times, energies = engine.recorded()
    quarter = len(memory) // 4
    settled = times >= times[-1] / 4
    drift, error = slope(times[settled], 1e6 * energies[settled] / n_atoms)
    return {
        "picoseconds": float(times[-1]),
        "memory_samples": len(memory),
        "growth_mib": max(memory[-quarter:]) - max(memory[quarter : 2 * quarter]),
        "last_mib": memory[-1],
        "drift_uev_per_atom_ps": drift,
        "standard_error": error,
    }


@benchmark("soak", minutes=0.3)
@click.option("--model", type=click.Path(exists=True, resolve_path=True), help="An exported file.")
@click.option("--start", type=click.Path(exists=True), help="Extended XYZ, or any data file.")
def main(scratch: Path, model: str | None, start: str | None, minutes=60.0, steps=0) -> Findings:
    """Run both engines for ``minutes`` or, if not 0, for ``steps``."""
    length = {"steps": steps} if steps else {"minutes": minutes}
    timestep = 0.5 if model else 0.25
    file = Path(model) if model else scratch / "model.pt"
    if model is None:
        write_random_model(file, "float32", portable=False)
    atoms = thermal(file, start, 1 if steps else REPEATS)
    run = Run(file, atoms, timestep, EVERY, **length)
    engines = [
        start_lammps(scratch / "lammps", run, 2, "$(etotal:%.17g)", "fix move all nve"),
        start_openmm(scratch / "openmm", run, run_openmm),
    ]
    wait(engines)
    rows = {engine.name: judge(engine, len(atoms)) for engine in engines}
    growth = [at_most(f"{name}: growth, MiB", r["growth_mib"], GROWTH) for name, r in rows.items()]
    drifts = [
        drift_check(name, (row["drift_uev_per_atom_ps"], row["standard_error"]))
        for name, row in rows.items()
    ]
    if steps:
        return {}, growth
    return {"atoms": len(atoms), "timestep_fs": timestep, **rows}, growth + drifts


if __name__ == "__main__":
    main()
