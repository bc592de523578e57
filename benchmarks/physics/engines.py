"""One configuration and one NVE run in each engine, through the interfaces a user has."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet

from benchmarks.lammps import hipnn, output_of
from benchmarks.water import write_data
from hipnn_ts.ase import HIPNNTSCalculator

TIMESTEP = 0.5  # fs
LAMMPS_INPUT = """\
units metal
read_data water.data
{pair}
timestep {timestep}
dump initial all custom 1 forces id fx fy fz
dump_modify initial sort id format float %.17g
thermo_style custom step pe etotal
thermo_modify format float %.15g
run 0
undump initial
fix nve all nve
thermo {interval}
run {steps}
"""
TABLE = r"^ *Step .*\n((?:.*\n)+?)Loop time of (\S+)"
ROW = r"^ *\d[-+.e\d ]*$"  # between which the style may warn


@dataclass
class Result:
    """Energies in eV, forces in eV/Å, times of the total energies in ps."""

    engine: str
    energy: float
    forces: np.ndarray
    times: np.ndarray | None = None
    total_energies: np.ndarray | None = None
    steps_per_second: float | None = None

    def drift(self) -> float:
        """Slope of the total energy once the start is forgotten, µeV/atom/ps."""
        later = self.times >= 0.25 * self.times[-1]
        slope = np.polyfit(self.times[later], self.total_energies[later], 1)[0]
        return 1e6 * slope / len(self.forces)

    def force_difference(self, other: "Result") -> float:
        """The largest of a component, eV/Å."""
        return float(np.abs(self.forces - other.forces).max())

    def moved(self, energies: list, steps: int, interval: int, seconds: float) -> "Result":
        """After so many steps, with total energies every ``interval``."""
        self.total_energies = np.array(energies)
        self.times = np.arange(len(energies)) * interval * TIMESTEP / 1000
        self.steps_per_second = steps / seconds
        return self


def run_ase(model: Path, atoms: Atoms, steps: int, interval: int) -> Result:
    """The reference: ASE's calculator and velocity Verlet."""
    atoms = atoms.copy()
    atoms.calc = HIPNNTSCalculator(model)
    result = Result("ASE", atoms.get_potential_energy(), atoms.get_forces())
    if not steps:
        return result
    dynamics = VelocityVerlet(atoms, TIMESTEP * units.fs)
    energies = []
    dynamics.attach(lambda: energies.append(atoms.get_total_energy()), interval)
    began = time.perf_counter()
    dynamics.run(steps)
    return result.moved(energies, steps, interval, time.perf_counter() - began)


def run_lammps(
    model: Path, atoms: Atoms, steps: int, interval: int, ranks: int, folder: Path
) -> Result:
    """`lmp`, on one rank or under mpirun."""
    write_data(folder / "water.data", atoms, velocities=True)
    script = LAMMPS_INPUT.format(
        pair=hipnn(model), timestep=TIMESTEP / 1000, steps=steps, interval=interval
    )
    runs = re.findall(TABLE, output_of(script, folder, ranks), re.MULTILINE)
    (first, _), (moving, seconds) = (
        (np.loadtxt(re.findall(ROW, table, re.MULTILINE), ndmin=2), float(s)) for table, s in runs
    )
    forces = np.loadtxt(folder / "forces", skiprows=9)[:, 1:]
    result = Result(f"LAMMPS, {ranks} rank{'s' if ranks > 1 else ''}", first[0, 1], forces)
    return result.moved(list(moving[:, 2]), steps, interval, seconds) if steps else result


def run_openmm(model: Path, atoms: Atoms, steps: int, interval: int, platform: str) -> Result:
    """OpenMM's Verlet integrator over the force that create_force() makes."""
    import openmm
    from openmm import unit

    from benchmarks.openmm_contexts import EV, context, total_energy, velocities_of
    from hipnn_ts.openmm import create_force

    force = create_force(model, atoms.numbers.tolist(), periodic=True)
    integrator = openmm.VerletIntegrator(TIMESTEP * unit.femtosecond)
    moving = context(atoms, force, integrator=integrator, platform=platform)
    state = moving.getState(energy=True, forces=True)
    energy = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
    forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.angstrom)
    result = Result(f"OpenMM, {platform}", energy / EV, forces / EV)
    if not steps:
        return result
    # OpenMM's leapfrog keeps velocities half a step behind the positions.
    accelerations = result.forces / atoms.get_masses()[:, None] * (1000 * units.fs) ** 2 / 10
    moving.setVelocities(velocities_of(atoms) - accelerations * 0.5e-3 * TIMESTEP)
    energies, elapsed = [total_energy(moving)], 0.0
    for _ in range(steps // interval):
        began = time.perf_counter()
        integrator.step(interval)
        elapsed += time.perf_counter() - began
        energies.append(total_energy(moving))
    return result.moved(energies, steps, interval, elapsed)
