"""Density of liquid water at 300 K and 1 bar, in LAMMPS and in OpenMM, with the same file.

64 molecules; `fix npt` of LAMMPS on one rank runs at the same time as OpenMM's MonteCarloBarostat
and Langevin integrator. Mass is moved from oxygen to hydrogen, which weighs 4 u: the density of
classical nuclei does not depend on masses, and time steps may be twice as long. The first quarter
of each run does not count. The two must agree within two standard errors of their difference, and
that error must be small. Needs the latest model that accuracy.py trained on the published water;
the demo's has learnt from GFN2-xTB, whose water is no liquid at 1 bar.
"""

from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.md.velocitydistribution import thermalize_momenta

from benchmarks.blocks import mean
from benchmarks.command import Findings, benchmark
from benchmarks.models import trained_water
from benchmarks.physics.side_by_side import (
    Engine,
    Run,
    start_lammps,
    start_openmm,
    temperature,
    wait,
)
from benchmarks.report import Check, at_most
from benchmarks.water import water_box
from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.selftest.dynamics import relaxed

TEMPERATURE, PRESSURE = 300, 1  # K, bar
TIMESTEP = 1.0  # fs
HYDROGEN = 4.0  # u
EVERY = 40  # steps between records
FARTHEST = 5.0  # K from the temperature asked for
LARGEST_ERROR = 1.0  # standard error of the difference, % of the density
GRAMS = 1.66053907  # per cm³ in u per Å³
NPT = f"fix move all npt temp {TEMPERATURE} {TEMPERATURE} 0.1 iso {PRESSURE} {PRESSURE} 0.5"


def heavy_hydrogens(water: Atoms) -> Atoms:
    """A copy with mass moved from oxygen to hydrogen and velocities of 300 K."""
    masses = water.get_masses()
    hydrogens = water.numbers == 1
    masses[~hydrogens] -= 2 * (HYDROGEN - masses[hydrogens][0])
    masses[hydrogens] = HYDROGEN
    heavy = water.copy()
    heavy.set_masses(masses)
    thermalize_momenta(heavy, temperature_K=TEMPERATURE, rng=np.random.default_rng(0))
    return heavy


def run_openmm(run: Run) -> None:
    """Run Langevin dynamics with Monte Carlo moves of the volume in OpenMM."""
    import openmm
    from openmm import unit

    from benchmarks.openmm_contexts import context
    from hipnn_ts.openmm import create_force

    atoms = run.start
    # The barostat moves whole molecules, which it knows by bonds: these exert no force.
    bonds = openmm.HarmonicBondForce()
    for oxygen in range(0, len(atoms), 3):
        for hydrogen in (oxygen + 1, oxygen + 2):
            bonds.addBond(oxygen, hydrogen, 0.1, 0.0)
    force = create_force(run.model, atoms.numbers, periodic=True, beyond_training="ignore")
    barostat = openmm.MonteCarloBarostat(PRESSURE * unit.bar, TEMPERATURE * unit.kelvin, 10)
    integrator = openmm.LangevinMiddleIntegrator(
        TEMPERATURE * unit.kelvin, 2 / unit.picosecond, run.timestep * unit.femtosecond
    )
    moving = context(atoms, bonds, force, barostat, integrator=integrator)
    moving.setVelocities(atoms.get_velocities() * units.fs * 100)  # nm/ps
    mass = atoms.get_masses().sum()

    def columns() -> tuple[float, float]:
        state = moving.getState(energy=True)
        volume = state.getPeriodicBoxVolume().value_in_unit(unit.angstrom**3)
        kinetic = state.getKineticEnergy() / unit.MOLAR_GAS_CONSTANT_R
        return mass / volume * GRAMS, 2 * kinetic.value_in_unit(unit.kelvin) / (3 * len(atoms))

    run.record(integrator.step, columns)


def row_of(engine: Engine) -> dict:
    """Means over the last three quarters of an engine's run."""
    times, densities, temperatures = engine.recorded()
    counted = times >= times[-1] / 4
    density, error = mean(densities[counted])
    row = {"picoseconds": float(times[-1]), "density_g_per_cm3": density, "standard_error": error}
    return row | temperature(temperatures[counted])


def checks_of(rows: dict[str, dict]) -> list[Check]:
    """Compare the two densities, and require temperatures and errors that make this meaningful."""
    first, second = rows.values()
    difference = abs(first["density_g_per_cm3"] - second["density_g_per_cm3"])
    error = float(np.hypot(first["standard_error"], second["standard_error"]))
    off = max(abs(row["temperature_K"] - TEMPERATURE) for row in rows.values())
    relative = 100 * error / first["density_g_per_cm3"]
    agree = "water, 300 K, 1 bar: OpenMM and LAMMPS differ by, g/cm³ (limit: two errors)"
    return [
        at_most("temperature, K from 300", off, FARTHEST),
        at_most(agree, difference, 2 * error),
        at_most("standard error of that difference, % of the density", relative, LARGEST_ERROR),
    ]


@benchmark("density", minutes=0.5)
def main(scratch: Path, minutes=60.0) -> Findings:
    file = trained_water(scratch)
    start = heavy_hydrogens(relaxed(HIPNNTSCalculator(file), water_box(4, 4, 4)))
    run = Run(file, start, TIMESTEP, EVERY, minutes)
    engines = [
        start_lammps(scratch / "lammps", run, 1, "$(density:%.10g) $(temp:%.10g)", NPT),
        start_openmm(scratch / "openmm", run, run_openmm),
    ]
    wait(engines)
    rows = {engine.name: row_of(engine) for engine in engines}
    return {
        "model": "water_pbe0ts of accuracy.py",
        "atoms": len(start),
        "timestep_fs": TIMESTEP,
        "hydrogen_u": HYDROGEN,
        "engines": rows,
    }, checks_of(rows)


if __name__ == "__main__":
    main()
