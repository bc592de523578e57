"""Run i-PI and `hipnn-ts ipi`, each in its own process."""

import os
import re
import socket
import subprocess
import sys
import sysconfig
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.io import write

PROGRAMS = Path(sysconfig.get_path("scripts"))
ENGINE = Path(__file__).with_name("engine.py")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
SECONDS = 120  # more than any run here takes

THERMOSTAT = """<thermostat mode='{}'><tau units='femtosecond'> 20 </tau></thermostat>"""
BAROSTAT = """
<barostat mode='{mode}'><tau units='femtosecond'> 20 </tau>
  {reference}
  <thermostat mode='langevin'><tau units='femtosecond'> 20 </tau></thermostat></barostat>"""
DYNAMICS = {
    "nve": "<dynamics mode='nve'>{step}</dynamics>",
    "nvt": "<dynamics mode='nvt'>{step}" + THERMOSTAT.format("pile_l") + "</dynamics>",
    "npt": "<dynamics mode='npt'>{step}"
    + THERMOSTAT.format("pile_l")
    + BAROSTAT.format(mode="isotropic", reference="")
    + "</dynamics>",
    "nst": "<dynamics mode='nst'>{step}"
    + THERMOSTAT.format("pile_l")
    + BAROSTAT.format(mode="anisotropic", reference="<h0 mode='manual'> {cell} </h0>")
    + "</dynamics>",
}
INPUT = """
<simulation verbosity='low' safe_stride='1000'>
  <output prefix='run'>
    <properties filename='out' stride='1'> [step, potential{{electronvolt}}] </properties>
  </output>
  <total_steps> {steps} </total_steps>
  <prng><seed> 1 </seed></prng>
  <ffsocket name='driver' mode='{mode}' pbc='false'>
    <address> {address} </address> <port> {port} </port> <latency> 1e-4 </latency>
    <exit_on_disconnect> {exit_on_disconnect} </exit_on_disconnect>
    <batch_size> {together} </batch_size>
    <consolidate_messages> {consolidated} </consolidate_messages>
  </ffsocket>
  <system>
    <initialize nbeads='{beads}'>
      <file mode='xyz'> start.xyz </file>
      <cell mode='manual' units='angstrom'> {cell_angstrom} </cell>
      <velocities mode='thermal' units='kelvin'> 300 </velocities>
    </initialize>
    <forces><force forcefield='driver'/></forces>
    <motion mode='dynamics'>{dynamics}</motion>
    <ensemble>
      <temperature units='kelvin'> 300 </temperature>
      <pressure units='megapascal'> 100 </pressure>
      {stress}
    </ensemble>
  </system>
</simulation>
"""


class Ran(NamedTuple):
    """i-PI's configurations and the results it received, for each step and bead, in its units."""

    positions: np.ndarray  # (steps, beads, 3 n)
    cells: np.ndarray  # (steps, 3, 3), cell vectors in columns
    energies: np.ndarray  # (steps, beads)
    forces: np.ndarray  # (steps, beads, 3 n)
    virials: np.ndarray  # (steps, beads, 3, 3)
    extras: list  # (steps,)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def prepare(
    folder: Path,
    atoms: Atoms,
    ensemble: str = "nvt",
    beads: int = 2,
    steps: int = 3,
    mode: str = "inet",
    together: int = 1,
    exit_on_disconnect: bool = True,
    consolidated: bool = True,
) -> list[str]:
    """Write i-PI's input and start configuration; return the driver's matching options."""
    folder.mkdir(exist_ok=True)
    port = free_port()
    address = "localhost" if mode == "inet" else f"hipnn_ts_{port}"
    plain = Atoms(atoms.numbers, atoms.positions)
    write(folder / "start.xyz", plain, format="xyz", comment="# positions{angstrom}")
    write(folder / "atoms.extxyz", plain)
    vectors = "[" + ", ".join(f"{x:.17g}" for x in atoms.cell.array.T.ravel()) + "]"
    step = "<timestep units='femtosecond'> 0.5 </timestep>"
    (folder / "input.xml").write_text(
        INPUT.format(
            steps=steps,
            mode=mode,
            address=address,
            port=port,
            beads=beads,
            together=together,
            consolidated=consolidated,
            exit_on_disconnect=exit_on_disconnect,
            cell_angstrom=vectors,
            dynamics=DYNAMICS[ensemble].format(step=step, cell=vectors),
            stress="<stress> [0, 0, 0, 0, 0, 0, 0, 0, 0] </stress>" if ensemble == "nst" else "",
        )
    )
    where = ["--port", str(port)] if mode == "inet" else ["--unix", "--address", address]
    return [*where, "--atoms", "atoms.extxyz", "--wait", "60"]


@contextmanager
def started(command: list, folder: Path):
    """Start a process that does not outlive the test."""
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def driver(model: Path, options: list[str], folder: Path):
    return started([PROGRAMS / "hipnn-ts", "ipi", model, *options], folder)


def simulation(folder: Path):
    """Start i-PI's program, as users do."""
    return started([PROGRAMS / "i-pi", "input.xml"], folder)


def run(
    model: Path, folder: Path, atoms: Atoms, *options: str, drivers: int = 1, **settings
) -> Ran:
    """Run i-PI's engine to the end, with drivers that must succeed; return the recorded values."""
    where = prepare(folder, atoms, **settings)
    steps = str(settings.get("steps", 3))
    with ExitStack() as stack:
        engine = stack.enter_context(started([sys.executable, ENGINE, steps], folder))
        clients = [
            stack.enter_context(driver(model, [*where, *options], folder)) for _ in range(drivers)
        ]
        for client in clients:
            out, err = client.communicate(timeout=SECONDS)
            assert client.returncode == 0, out + err
            served = re.search(r"i-PI ended: (\d+) evaluations", out)
            assert int(served[1]) > 0
        said = engine.communicate(timeout=SECONDS)
        assert engine.returncode == 0, said
    found = np.load(folder / "found.npz", allow_pickle=True)
    return Ran(**{key: found[key] for key in Ran._fields})
