"""Reference values for committees: plain torch evaluates each member, NumPy combines them."""

from typing import NamedTuple

import numpy as np
from ase import Atoms
from lammps_run import reference


class Combined(NamedTuple):
    """Means and standard deviations over the members; eV and Å, virials xx yy zz xy xz yz."""

    energy: float
    forces: np.ndarray
    virial: np.ndarray
    energy_std: float
    forces_std: np.ndarray  # (n,)
    virial_std: np.ndarray


def combined(members, atoms: Atoms) -> Combined:
    """Return the means and deviations of the members, from plain torch in float64."""
    found = [reference(member, atoms) for member in members]
    energies, forces, virials = (
        np.array([getattr(each, name) for each in found]) for name in ("energy", "forces", "virial")
    )
    apart = forces - forces.mean(axis=0)
    return Combined(
        energies.mean(),
        forces.mean(axis=0),
        virials.mean(axis=0),
        np.sqrt(((energies - energies.mean()) ** 2).mean()),
        np.sqrt((apart**2).sum(axis=2).mean(axis=0)),
        virials.std(axis=0),
    )
