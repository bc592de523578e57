"""Density of liquid water at 300 K and 1 bar, in LAMMPS and in OpenMM, by the same file.

    python benchmarks/density.py [--minutes 60] [--model model.pt]

64 molecules; `fix npt` of LAMMPS on one rank beside OpenMM's MonteCarloBarostat and Langevin
integrator, at the same time. Hydrogen weighs 4 u, what it has more the oxygen has less: the density
of classical nuclei does not depend on masses, and steps may be twice as long. The first quarter of
each run does not count. The two must agree within two standard errors of their difference, and
these must be small enough to say so. The model is the latest that accuracy.py trained on the
published water, or a file; not that of the demo, which has learnt from GFN2-xTB, whose water is no
liquid at 1 bar. Writes benchmarks/results/density.json; the exit status is 1 where a bar is missed.
"""

import sys
import tempfile
from pathlib import Path

import click
import numpy as np
from ase import Atoms, units
from ase.md.velocitydistribution import thermalize_momenta
from blocks import mean
from side_by_side import RECORD, Engine, Run, print_checks, start_lammps, start_openmm, wait
from water import trained_water, water_box

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.benchmark import Check, write_report
from hipnn_ts.selftest.run import relaxed

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "density.json"
TEMPERATURE, PRESSURE = 300, 1  # K, bar
TIMESTEP = 1.0  # fs
HYDROGEN = 4.0  # u
EVERY = 40  # steps between records
FARTHEST = 5.0  # K from the temperature asked for
LARGEST_ERROR = 1.0  # % of the density, of the difference
GRAMS = 1.66053907  # per cm³ in u per Å³
NPT = f"fix move all npt temp {TEMPERATURE} {TEMPERATURE} 0.1 iso {PRESSURE} {PRESSURE} 0.5"


def heavy_hydrogens(water: Atoms) -> Atoms:
    """The same molecules, mass moved from oxygen to hydrogen; velocities of 300 K."""
    masses = water.get_masses()
    hydrogens = water.numbers == 1
    masses[~hydrogens] -= 2 * (HYDROGEN - masses[hydrogens][0])
    masses[hydrogens] = HYDROGEN
    heavy = water.copy()
    heavy.set_masses(masses)
    thermalize_momenta(heavy, temperature_K=TEMPERATURE, rng=np.random.default_rng(0))
    return heavy


def run_openmm(run: Run) -> None:
    """Langevin dynamics and Monte Carlo moves of the volume."""
    import openmm
    from openmm import unit

    from hipnn_ts.openmm import create_force

    atoms = run.start
    system = openmm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    # Molecules are known by their bonds: these exert no force.
    bonds = openmm.HarmonicBondForce()
    for oxygen in range(0, len(atoms), 3):
        for hydrogen in (oxygen + 1, oxygen + 2):
            bonds.addBond(oxygen, hydrogen, 0.1, 0.0)
    system.addForce(bonds)
    system.setDefaultPeriodicBoxVectors(*(atoms.cell.array * 0.1))
    system.addForce(create_force(run.model, atoms.numbers, periodic=True, beyond_training="ignore"))
    system.addForce(openmm.MonteCarloBarostat(PRESSURE * unit.bar, TEMPERATURE * unit.kelvin, 10))
    integrator = openmm.LangevinMiddleIntegrator(
        TEMPERATURE * unit.kelvin, 2 / unit.picosecond, run.timestep * unit.femtosecond
    )
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("CPU"))
    context.setPositions(atoms.positions * 0.1)
    context.setVelocities(atoms.get_velocities() * units.fs * 100)  # to nm/ps
    mass = atoms.get_masses().sum()

    def columns() -> tuple[float, float]:
        state = context.getState(energy=True)
        volume = state.getPeriodicBoxVolume().value_in_unit(unit.angstrom**3)
        kinetic = state.getKineticEnergy() / unit.MOLAR_GAS_CONSTANT_R
        return mass / volume * GRAMS, 2 * kinetic.value_in_unit(unit.kelvin) / (3 * len(atoms))

    run.record(integrator.step, columns)


def row_of(engine: Engine) -> dict:
    """Means over the last three quarters."""
    times, densities, temperatures = np.loadtxt(engine.folder / RECORD, unpack=True)
    counted = times >= times[-1] / 4
    density, error = mean(densities[counted])
    temperature, temperature_error = mean(temperatures[counted])
    return {
        "picoseconds": float(times[-1]),
        "density_g_per_cm3": density,
        "standard_error": error,
        "temperature_K": temperature,
        "temperature_standard_error": temperature_error,
    }


def checks_of(rows: dict[str, dict]) -> list[Check]:
    """Agreement, and that it means something."""
    first, second = rows.values()
    difference = first["density_g_per_cm3"] - second["density_g_per_cm3"]
    error = float(np.hypot(first["standard_error"], second["standard_error"]))
    off = max(abs(row["temperature_K"] - TEMPERATURE) for row in rows.values())
    return [
        Check(name="temperature, K from 300", value=off, limit=FARTHEST, better="lower"),
        Check(
            name="water, 300 K, 1 bar: OpenMM and LAMMPS differ by, g/cm³ (limit: two errors)",
            value=abs(difference),
            limit=2 * error,
            better="lower",
        ),
        Check(
            name="standard error of that difference, % of the density",
            value=100 * error / first["density_g_per_cm3"],
            limit=LARGEST_ERROR,
            better="lower",
        ),
    ]


@click.command()
@click.option("--minutes", default=60.0, show_default=True, help="Of both engines.")
@click.option("--model", type=click.Path(exists=True), help="An exported file for H and O.")
def main(minutes: float, model: str | None) -> None:
    """Run both engines and compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = Path(model).resolve() if model else trained_water(folder)
        start = heavy_hydrogens(relaxed(HIPNNTSCalculator(file), water_box(4, 4, 4)))
        run = Run(file, start, TIMESTEP, EVERY, minutes)
        engines = [
            start_lammps(folder / "lammps", run, 1, "$(density:%.10g) $(temp:%.10g)", NPT),
            start_openmm(folder / "openmm", run, run_openmm),
        ]
        wait(engines)
        rows = {engine.name: row_of(engine) for engine in engines}
    for name, row in rows.items():
        print(f"{name}: {row}")
    checks = checks_of(rows)
    figures = {
        "model": model or "water_pbe0ts of accuracy.py",
        "atoms": len(start),
        "timestep_fs": TIMESTEP,
        "hydrogen_u": HYDROGEN,
        "engines": rows,
    }
    write_report(RESULT, figures, checks)
    sys.exit(0 if print_checks(checks) else 1)


if __name__ == "__main__":
    main()
