"""How far an atom is from those that a network was trained on, as an estimate of its force's error.

The distance is Mahalanobis's, in the space of the features that the readouts see, from the training
atoms of the same element; a factor for each element, found on validation data, makes eV/Å of it.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from hipnn_ts.model.potential import Potential

# Of a covariance's mean eigenvalue, added to all: below lies what rounding makes of features that
# depend on each other.
SMALLEST_VARIANCE = 1e-6
# Atoms for each feature below which an element's own covariance is not trusted alone.
ATOMS_PER_FEATURE = 2


class Uncertainty(NamedTuple):
    """The distribution of training atoms' features; D is the number of all blocks' features.

    Attributes
    ----------
    means : Tensor, (S, D), float64, of each element
    whitening : Tensor, (S, D (D + 1) / 2), float64: rows of the lower triangular matrix L with
        Lᵀ L the inverse of the element's covariance, one after the other
    scale : Tensor, (S,), float64, eV/Å for each unit of distance
    facts : plain values that say what these were made of, for people
    """

    means: Tensor
    whitening: Tensor
    scale: Tensor
    facts: dict[str, Any]

    def of(self, features: Tensor, species: Tensor) -> Tensor:
        """Force uncertainties (n,), eV/Å, float64, of atoms with features (n, D)."""
        return self.scale[species] * distances(self.means, self.whitening, features, species)


def features_of(
    potential: Potential, species: Tensor, receivers: Tensor, senders: Tensor, vectors: Tensor
) -> Tensor:
    """What leaves each block, side by side, (n, D); arguments as of the potential."""
    features, found = potential.encode(species), []
    vectors = vectors.to(features.dtype)
    for index in range(len(potential.blocks)):
        features, _ = potential.block(index, features, receivers, senders, vectors, len(species))
        found.append(features)
    return torch.cat(found, dim=1)


def distances(means: Tensor, whitening: Tensor, features: Tensor, species: Tensor) -> Tensor:
    """``|L (features - mean)|``, (n,), float64."""
    features = features.double()
    out = features.new_zeros(len(features))
    for element in species.unique().tolist():
        own = species == element
        deviations = features[own] - means[element]
        out[own] = (deviations @ unpacked(whitening[element]).T).norm(dim=1)
    return out


def distribution(
    features: Tensor, species: Tensor, n_species: int
) -> tuple[Tensor, Tensor, Tensor] | None:
    """Means and whitening of atoms by element, as of :class:`Uncertainty`, and numbers of atoms.

    An element with fewer than ``ATOMS_PER_FEATURE`` times D atoms is filled up to that number with
    the covariance within all elements, and this one with that of independent features: the few
    atoms of an element span few directions, and in all others everything would be infinitely far
    away. The mean of an element without atoms is that of all.

    Parameters
    ----------
    features : Tensor, (n, D)
    species : Tensor, (n,), int64

    Returns
    -------
    tuple of Tensor, or None where all atoms of each element are alike: no distance means anything
    """
    features, n_features = features.double(), features.shape[1]
    enough = ATOMS_PER_FEATURE * n_features
    unit = torch.eye(n_features, dtype=torch.float64)
    counts = torch.bincount(species, minlength=n_species)
    means = features.mean(dim=0).repeat(n_species, 1)
    scatters = features.new_zeros(n_species, n_features, n_features)
    for element in counts.nonzero().flatten().tolist():
        own = features[species == element]
        means[element] = own.mean(dim=0)
        scatters[element] = (own - means[element]).T @ (own - means[element])
    everything = scatters.sum(dim=0)
    independent = everything.trace() / (len(features) * n_features) * unit
    within = _filled_up(everything, len(features), enough, independent)
    if not within.trace() > 0:
        return None
    packed = []
    for scatter, count in zip(scatters, counts.tolist(), strict=True):
        covariance = _filled_up(scatter, count, enough, within)
        if not covariance.trace() > SMALLEST_VARIANCE * within.trace():
            covariance = within  # atoms that are all alike tell as much as one
        smallest = SMALLEST_VARIANCE * covariance.trace() / n_features
        factor = torch.linalg.cholesky(covariance + smallest * unit)
        inverse = torch.linalg.solve_triangular(factor, unit, upper=False)
        packed.append(inverse[tuple(torch.tril_indices(n_features, n_features))])
    return means, torch.stack(packed), counts


def _filled_up(scatter: Tensor, n_atoms: int, enough: int, other: Tensor) -> Tensor:
    """The covariance of ``enough`` atoms, of which those that are missing have the other one."""
    missing = max(0, enough - n_atoms)
    return (scatter + missing * other) / (n_atoms + missing)


def unpacked(rows: Tensor) -> Tensor:
    """The lower triangular matrix (D, D) of its rows (D (D + 1) / 2,)."""
    size = int((8 * len(rows) + 1) ** 0.5) // 2
    out = rows.new_zeros(size, size)
    out[tuple(torch.tril_indices(size, size))] = rows
    return out
