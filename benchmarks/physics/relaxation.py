"""How many steps an optimiser takes from a rattled start."""

import numpy as np
from ase import Atoms

RATTLE = 0.05  # Å
FORCES = 0.01  # eV/Å: relaxed
MOST_STEPS = 500


def steps_to_relax(atoms: Atoms, optimiser: type) -> int | None:
    """Steps from a rattled start until no force exceeds FORCES; None where there are too many."""
    atoms.rattle(RATTLE, rng=np.random.default_rng(0))
    dynamics = optimiser(atoms, logfile=None)
    return dynamics.get_number_of_steps() if dynamics.run(FORCES, MOST_STEPS) else None
