"""Langevin dynamics with xTB, as a source of configurations."""

from collections.abc import Iterator

import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin
from tblite.ase import TBLite


def langevin(
    atoms: Atoms,
    method: str,
    temperature: float,
    timestep: float,
    n_frames: int,
    interval: int,
    random: np.random.Generator,
) -> Iterator[Atoms]:
    """Yield ``n_frames`` copies of ``atoms``, ``interval`` steps of ``timestep`` fs apart.

    The friction is strong (0.05/fs), to lose the memory of the start; the dynamics is not
    realistic. ``temperature`` is in K, ``method`` a name that tblite knows.
    """
    atoms.calc = TBLite(method=method, verbosity=0)
    thermal = np.sqrt(atoms.get_masses() * units.kB * temperature)
    atoms.set_momenta(random.normal(size=atoms.positions.shape) * thermal[:, None])
    dynamics = Langevin(
        atoms,
        timestep * units.fs,
        temperature_K=temperature,
        friction=0.05 / units.fs,
        fixcm=False,
        rng=random,
    )
    for _ in range(n_frames):
        dynamics.run(interval)
        yield atoms.copy()
