"""Reference energy of each element, from the data."""

import numpy as np


def fit_self_energies(
    composition: np.ndarray, energies: np.ndarray, known: np.ndarray | None = None
) -> np.ndarray:
    """Energy of each element that best explains the total energies per atom, float64, eV.

    Least squares in the error per atom, which training minimises. If the compositions do not
    determine the energies (water alone determines only O + 2 H), it is the solution of smallest
    norm.

    Parameters
    ----------
    composition : (frames, elements), number of atoms of each element
    energies : (frames,), eV; frames whose energy is nan are ignored
    known : (elements,), eV, kept unless nan

    Returns
    -------
    (elements,) float64
    """
    composition, energies = np.asarray(composition, float), np.asarray(energies, float)
    known = np.full(composition.shape[1], np.nan) if known is None else np.asarray(known, float)
    free = np.isnan(known)
    found = np.where(free, 0.0, known)
    judged = ~np.isnan(energies) & (composition[:, free].sum(axis=1) > 0)
    if judged.any():
        counts, n_atoms = composition[judged], composition[judged].sum(axis=1)
        per_atom = (energies[judged] - counts @ found) / n_atoms
        found[free] = np.linalg.lstsq(counts[:, free] / n_atoms[:, None], per_atom, rcond=1e-10)[0]
    return found
