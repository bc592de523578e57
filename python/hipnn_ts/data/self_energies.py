"""Reference energy of each element, from the data."""

import numpy as np


def fit_self_energies(composition: np.ndarray, energies: np.ndarray) -> np.ndarray:
    """Energy of each element that best explains the total energies per atom, float64, eV.

    Least squares in the error per atom, which is what training minimises. Where compositions do
    not determine the energies (water alone: only O + 2 H is known) the solution of smallest norm.

    Parameters
    ----------
    composition : (frames, elements), number of atoms of each element
    energies : (frames,), eV

    Returns
    -------
    (elements,) float64
    """
    composition = np.asarray(composition, dtype=np.float64)
    n_atoms = composition.sum(axis=1)
    per_atom = np.asarray(energies, dtype=np.float64) / n_atoms
    return np.linalg.lstsq(composition / n_atoms[:, None], per_atom, rcond=1e-10)[0]
