"""Run i-PI on water at 300 K; drivers send it the forces over a socket."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ase import Atoms
from ase.io import write

from hipnn_ts.processes import program

START, LOG = "start.extxyz", "i-pi.log"
INPUT = """
<simulation verbosity='low' safe_stride='100'>
  <total_steps> {steps} </total_steps>
  <prng><seed> 1 </seed></prng>
  <output prefix='run'>{output}</output>
  <ffsocket name='driver' mode='unix' pbc='false'>
    <address> {address} </address> <batch_size> {together} </batch_size>
    <exit_on_disconnect> True </exit_on_disconnect>
  </ffsocket>
  <system>
    <initialize nbeads='{beads}'>
      <file mode='ase'> {start} </file>
      <velocities mode='thermal' units='kelvin'> 300 </velocities>
    </initialize>
    <forces><force forcefield='driver'/></forces>
    <motion mode='dynamics'>
      <dynamics mode='nvt' splitting='baoab'>
        <timestep units='femtosecond'> {timestep} </timestep>
        <thermostat mode='pile_g'><tau units='femtosecond'> 100 </tau></thermostat>
      </dynamics>
    </motion>
    <ensemble><temperature units='kelvin'> 300 </temperature></ensemble>
  </system>
</simulation>
"""
# ``together`` is the number of beads in one message, ``output`` names what i-PI writes.
DEFAULTS = {"start": START, "steps": 1_000_000_000, "together": 1, "output": ""}


def write_input(folder: Path, start: Atoms, **settings) -> None:
    """Write i-PI's input.xml and the start configuration. Settings are ``beads``, ``timestep`` (fs)
    and ``address``, and those that differ from DEFAULTS."""
    write(folder / START, start)
    (folder / "input.xml").write_text(INPUT.format(**DEFAULTS | settings))


def socket(address: str) -> Path:
    """The file of the Unix socket at which i-PI listens."""
    return Path(f"/tmp/ipi_{address}")


@contextmanager
def running(*commands: list[str], folder: Path) -> Iterator[list[subprocess.Popen]]:
    """Start each command with one thread; processes that still run at the end are killed."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / LOG).open("a") as log:
        started = [
            subprocess.Popen(
                [program(name), *arguments], cwd=folder, stdout=log, stderr=log, env=environment
            )
            for name, *arguments in commands
        ]
        try:
            yield started
        finally:
            for process in started:
                process.kill()
