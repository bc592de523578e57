"""One configuration and one NVE run in each engine, through the interfaces a user has."""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.io import write
from ase.md.verlet import VelocityVerlet

from hipnn_ts.ase import HIPNNTSCalculator

TIMESTEP = 0.5  # fs
BIN = Path(sys.executable).parent

LAMMPS_INPUT = """\
units metal
boundary p p p
atom_style atomic
read_data water.data
mass 1 1.008
mass 2 15.999
pair_style hipnn/ts
pair_coeff * * {model} H O
timestep {timestep}
dump initial all custom 1 {name}.dump id fx fy fz
dump_modify initial sort id format float %.17g
thermo_style custom step pe etotal
thermo_modify format float %.15g
run 0
undump initial
fix nve all nve
thermo {interval}
run {steps}
"""


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


def run_ase(model: Path, atoms: Atoms, steps: int, interval: int) -> Result:
    """The reference: ASE's calculator and velocity Verlet."""
    atoms = atoms.copy()
    atoms.calc = HIPNNTSCalculator(model)
    result = Result("ASE", atoms.get_potential_energy(), atoms.get_forces())
    if steps:
        dynamics = VelocityVerlet(atoms, TIMESTEP * units.fs)
        energies = []
        dynamics.attach(lambda: energies.append(atoms.get_total_energy()), interval)
        began = time.perf_counter()
        dynamics.run(steps)
        _finish(result, energies, steps, interval, time.perf_counter() - began)
    return result


def run_lammps(
    model: Path, atoms: Atoms, steps: int, interval: int, ranks: int, folder: Path
) -> Result:
    """`lmp`, on one rank or under mpirun."""
    write(
        folder / "water.data",
        atoms,
        format="lammps-data",
        specorder=["H", "O"],
        units="metal",
        velocities=True,
    )
    name = f"lammps-{model.stem}-{ranks}"
    text = LAMMPS_INPUT.format(
        model=model, timestep=TIMESTEP / 1000, name=name, steps=steps, interval=interval
    )
    (folder / f"{name}.in").write_text(text)
    command = [str(BIN / "lmp"), "-in", f"{name}.in", "-log", f"{name}.log", "-screen", "none"]
    if ranks > 1:
        command = [str(BIN / "mpirun"), "-np", str(ranks), *command]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{run.stdout}{run.stderr}")
    forces = np.loadtxt(folder / f"{name}.dump", skiprows=9)[:, 1:]
    tables = _thermo(folder / f"{name}.log")
    result = Result(f"LAMMPS, {ranks} rank{'s' if ranks > 1 else ''}", tables[0][0][1], forces)
    if steps:
        seconds = _loop_times(folder / f"{name}.log")[-1]
        _finish(result, [row[2] for row in tables[1]], steps, interval, seconds)
    return result


def run_openmm(model: Path, atoms: Atoms, steps: int, interval: int, platform: str) -> Result:
    """OpenMM's Verlet integrator over the force that create_force() makes."""
    import openmm
    from openmm import unit

    from hipnn_ts.openmm import create_force

    system = openmm.System()
    for mass in atoms.get_masses():
        system.addParticle(mass)
    system.setDefaultPeriodicBoxVectors(*(atoms.cell.array * 0.1))
    system.addForce(create_force(model, atoms.numbers.tolist(), periodic=True))
    integrator = openmm.VerletIntegrator(TIMESTEP * unit.femtosecond)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName(platform))
    context.setPositions(atoms.positions * 0.1)
    # OpenMM's leapfrog keeps velocities half a step behind the positions.
    state = context.getState(energy=True, forces=True)
    ev = unit.AVOGADRO_CONSTANT_NA * unit.elementary_charge * unit.volt
    forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.angstrom)
    per_ev = (1.0 * ev).value_in_unit(unit.kilojoule_per_mole)
    energy = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
    result = Result(f"OpenMM, {platform}", energy / per_ev, forces / per_ev)
    if not steps:
        return result
    velocities = atoms.get_velocities() * units.fs * 100  # Å/fs to nm/ps
    accelerations = forces * 10 / atoms.get_masses()[:, None]  # kJ/mol/nm/u = nm/ps^2
    context.setVelocities(velocities - accelerations * 0.5e-3 * TIMESTEP)
    energies = [_total(context, per_ev)]
    elapsed = 0.0
    for _ in range(steps // interval):
        began = time.perf_counter()
        integrator.step(interval)
        elapsed += time.perf_counter() - began
        energies.append(_total(context, per_ev))
    _finish(result, energies, steps, interval, elapsed)
    return result


def _total(context, per_ev: float) -> float:
    from openmm import unit

    # The kinetic energy of a leapfrog state is the integrator's, shifted to the positions' time.
    state = context.getState(energy=True)
    total = state.getPotentialEnergy() + state.getKineticEnergy()
    return total.value_in_unit(unit.kilojoule_per_mole) / per_ev


def _finish(result: Result, energies: list, steps: int, interval: int, seconds: float) -> None:
    result.total_energies = np.array(energies)
    result.times = np.arange(len(energies)) * interval * TIMESTEP / 1000
    result.steps_per_second = steps / seconds


def _thermo(log: Path) -> list[list[list[float]]]:
    """The tables of a LAMMPS log."""
    tables, inside = [], False
    for line in log.read_text().splitlines():
        if line.split()[:1] == ["Step"]:
            tables.append([])
            inside = True
        elif line.startswith("Loop time"):
            inside = False
        elif inside:
            tables[-1].append([float(word) for word in line.split()])
    return tables


def _loop_times(log: Path) -> list[float]:
    lines = log.read_text().splitlines()
    return [float(line.split()[3]) for line in lines if line.startswith("Loop time")]
