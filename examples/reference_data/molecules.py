"""Single molecules and dimers of H, C, N, O from GFN2-xTB dynamics."""

from collections.abc import Iterator

import numpy as np
from ase import Atoms
from ase.build import molecule
from sampling import langevin
from scipy.spatial.transform import Rotation

NAMES = [
    "H2O",
    "NH3",
    "CH4",
    "CH3OH",
    "H2CO",
    "C2H6",
    "H3CNH2",
    "HCN",
    "CH3CH2OH",
    "CH3COOH",
    "CH3CONH2",
    "C6H6",
]
DIMERS = (("H2O", "H2O"), ("H2O", "NH3"), ("H2O", "CH3OH"), ("H2O", "H2CO"))
TEMPERATURES = (300.0, 600.0, 1000.0)  # K
N_STARTS = 12  # of each dimer

JOBS = [(name, temperature) for name in NAMES for temperature in TEMPERATURES] + [
    pair for pair in DIMERS for _ in range(N_STARTS)
]


def sample(job: tuple, random: np.random.Generator) -> Iterator[Atoms]:
    """Frames of one job: a molecule at a temperature, or a dimer from one random start."""
    if job in DIMERS:
        atoms = _dimer(*job, random)
        # Short runs have both contacts and separations, before the two molecules drift apart.
        frames = langevin(atoms, "GFN2-xTB", 300.0, 0.5, 4, 20, random)
        group = f"{job[0]}+{job[1]}"
    else:
        name, temperature = job
        # Frames are 50 fs apart: several periods of all but the softest torsions.
        frames = langevin(molecule(name), "GFN2-xTB", temperature, 0.5, 20, 100, random)
        group = f"{name}_{temperature:.0f}K"
    for atoms in frames:
        atoms.info["config_type"] = group
        yield atoms


def _dimer(first: str, second: str, random: np.random.Generator) -> Atoms:
    """Two molecules, randomly turned, their nearest atoms 1.7 to 3.5 Å apart."""
    parts = [molecule(first), molecule(second)]
    for part in parts:
        turn = Rotation.from_quat(random.normal(size=4))
        part.positions = turn.apply(part.positions - part.get_center_of_mass())
    gap = random.uniform(1.7, 3.5)
    while _nearest(*parts) < gap:
        parts[1].positions[:, 0] += 0.02
    return parts[0] + parts[1]


def _nearest(a: Atoms, b: Atoms) -> float:
    return np.linalg.norm(a.positions[:, None] - b.positions[None], axis=2).min()
