"""i-PI's input for water at 300 K, whose forces come over a socket."""

from pathlib import Path

from ase import Atoms
from ase.io import write

START = "start.extxyz"
INPUT = """
<simulation verbosity='{verbosity}' safe_stride='100'>
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


def write_input(
    folder: Path,
    start: Atoms,
    *,
    beads: int,
    timestep: float,
    address: str,
    steps: int = 1_000_000_000,
    together: int = 1,
    output: str = "",
    verbosity: str = "low",
) -> None:
    """input.xml and the start; ``together`` beads in a message, the time step in fs."""
    write(folder / START, start)
    content = INPUT.format(
        beads=beads,
        timestep=timestep,
        address=address,
        steps=steps,
        together=together,
        output=output,
        verbosity=verbosity,
        start=START,
    )
    (folder / "input.xml").write_text(content)


def socket(address: str) -> Path:
    """The file that i-PI listens at."""
    return Path(f"/tmp/ipi_{address}")
