"""Long runs at constant energy: is memory flat, and does the energy stay?

    python -m benchmarks.physics.soak [--minutes 60 | --steps 10000] [--model FILE --start DATA]

LAMMPS on two ranks and OpenMM on its CPU platform, side by side. The model is a small one with
random weights on the self-test's lattice of its elements; or a file, on the first configuration of
a file of data, at 300 K. Growth is that of the resident memory from the second to the last quarter
of the run, drift that of its last three quarters. Writes results/soak.json where --minutes is
given; the exit status is 1 where a bar is missed.
"""

import sys
import tempfile
from pathlib import Path

import click
import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import Stationary, thermalize_momenta

from benchmarks.blocks import drift_check, slope
from benchmarks.physics.side_by_side import Engine, Run, start_lammps, start_openmm, wait
from benchmarks.report import Check, at_most, print_checks, results_file, write_report
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.data.read import read_frames
from hipnn_ts.selftest.dynamics import relaxed
from hipnn_ts.selftest.model import write_random_model
from hipnn_ts.selftest.questions import BOUNDS, Questions

REPEATS = (2, 2, 1)  # of the start, for minutes; once for steps
EVERY = 50  # steps between records
GROWTH = 2.0  # MiB


@click.command(help=__doc__)
@click.option("--minutes", type=float, help="Of both engines.")
@click.option("--steps", type=int, help="Of each engine, instead.")
@click.option("--model", type=click.Path(exists=True), help="An exported file.")
@click.option("--start", type=click.Path(exists=True), help="Extended XYZ, or any data file.")
def main(minutes, steps, model, start):
    if (minutes is None) == (steps is None):
        raise click.UsageError("expected --minutes or --steps")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        timestep = 0.5 if model else 0.25
        if model is None:
            model = folder / "model.pt"
            write_random_model(model, "float32", portable=False)
        model = Path(model).resolve()
        atoms = _thermal(model, start, REPEATS if minutes else 1)
        run = Run(model, atoms, timestep, EVERY, minutes, steps)
        engines = [
            start_lammps(folder / "lammps", run, 2, "$(etotal:%.17g)", "fix move all nve"),
            start_openmm(folder / "openmm", run, _run_openmm),
        ]
        wait(engines)
        checks, figures = [], {"atoms": len(atoms), "timestep_fs": timestep}
        for engine in engines:
            made, figures[engine.name] = _judge(engine, len(atoms), minutes)
            checks += made
    if minutes is not None:
        write_report(results_file("soak"), figures, checks)
    sys.exit(0 if print_checks(checks) else 1)


def _thermal(model: Path, start: str | None, repeats) -> Atoms:
    """About 300 K; liquids are held there for a picosecond first."""
    calculator = HIPNNTSCalculator(model)
    elements = calculator.metadata.network.elements
    base = read_frames(start)[0] if start else Questions(elements, BOUNDS["float32"]).base
    atoms = relaxed(calculator, base) * repeats
    random = np.random.default_rng(0)
    thermalize_momenta(atoms, temperature_K=300, rng=random)
    if start:
        atoms.calc = calculator
        Langevin(
            atoms, 0.5 * units.fs, temperature_K=300, friction=0.02 / units.fs, rng=random
        ).run(2000)
        atoms.calc = None
    Stationary(atoms)
    return atoms


def _judge(engine: Engine, n_atoms: int, minutes: float | None) -> tuple[list[Check], dict]:
    memory = engine.memory
    times, energies = engine.recorded()
    quarter = len(memory) // 4
    growth = max(memory[-quarter:]) - max(memory[quarter : 2 * quarter])
    settled = times >= times[-1] / 4
    drift, error = slope(times[settled], 1e6 * energies[settled] / n_atoms)
    checks = [at_most(f"{engine.name}: growth, MiB", growth, GROWTH)]
    if minutes is not None:  # a short run shows fluctuations
        checks.append(drift_check(engine.name, drift, error))
    return checks, {
        "picoseconds": float(times[-1]),
        "memory_samples": len(memory),
        "growth_mib": growth,
        "last_mib": memory[-1],
        "drift_uev_per_atom_ps": drift,
        "standard_error": error,
    }


def _run_openmm(run: Run) -> None:
    from benchmarks.openmm_contexts import total_energy
    from hipnn_ts.selftest.openmm import moving

    context = moving("CPU", run.model, run.start, run.timestep)
    run.record(context.getIntegrator().step, lambda: (total_energy(context),))


if __name__ == "__main__":
    main()
