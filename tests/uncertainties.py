"""Reference values of the force uncertainty: plain NumPy, with features from plain torch."""

import numpy as np
import torch
from ase import Atoms

from hipnn_ts.model.uncertainty import Uncertainty
from hipnn_ts.neighbours import neighbour_pairs


def features(potential, atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of all blocks (n, D), and species (n,)."""
    i, j, shifts = neighbour_pairs(
        atoms.positions, atoms.cell.array, atoms.pbc, potential.config.cutoff
    )
    vectors = torch.from_numpy(atoms.positions[j] + shifts - atoms.positions[i])
    symbols = list(potential.config.elements)
    species = torch.tensor([symbols.index(symbol) for symbol in atoms.symbols])
    ends, found = (torch.from_numpy(i), torch.from_numpy(j)), []
    with torch.no_grad():
        x = potential.encode(species)
        for k in range(len(potential.blocks)):
            x, _ = potential.block(k, x, *ends, vectors, len(atoms))
            found.append(x.numpy())
    return np.concatenate(found, axis=1), species.numpy()


def triangle(rows: np.ndarray, size: int) -> np.ndarray:
    """Return the lower triangular matrix whose rows are concatenated in ``rows``."""
    out, k = np.zeros((size, size)), 0
    for row in range(size):
        for column in range(row + 1):
            out[row, column] = rows[k]
            k += 1
    return out


def expected(potential, uncertainty: Uncertainty, atoms: Atoms) -> np.ndarray:
    """Return the force uncertainties (n,) in eV/Å, computed atom by atom."""
    found = []
    for phi, species in zip(*features(potential, atoms), strict=True):
        apart = phi - uncertainty.means[species].numpy()
        whitening = triangle(uncertainty.whitening[species].numpy(), len(phi))
        found.append(uncertainty.scale[species].item() * np.sqrt(np.sum((whitening @ apart) ** 2)))
    return np.array(found)
