"""The distance of an atom from the training atoms, as an estimate of the error of its force.

It is the Mahalanobis distance in the space of the features that the readouts see, from the training
atoms of the same element. A factor for each element, fitted to validation data, converts it to
eV/Å.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from hipnn_ts.model.potential import Potential

# Fraction of a covariance's mean eigenvalue that is added to all eigenvalues: smaller ones are
# rounding errors of features that depend on each other.
SMALLEST_VARIANCE = 1e-6
# Atoms for each feature below which the covariance of an element alone is not trusted.
ATOMS_PER_FEATURE = 2


class Uncertainty(NamedTuple):
    """The distribution of training atoms' features; D is the number of features of all blocks.

    Attributes
    ----------
    means : Tensor, (S, D), float64, of each element
    whitening : Tensor, (S, D (D + 1) / 2), float64: rows of the lower triangular matrix L with
        Lᵀ L the inverse of the element's covariance, one after the other
    scale : Tensor, (S,), float64, eV/Å for each unit of distance
    facts : plain values that describe, for people, the data behind these numbers
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
    """Output features of all blocks side by side, (n, D); arguments as in the potential."""
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
    """Means and whitening of atoms by element, as in :class:`Uncertainty`, and numbers of atoms.

    An element with fewer than ``ATOMS_PER_FEATURE`` times D atoms is filled up to that number with
    the covariance within all elements, and the latter with that of independent features. Otherwise
    everything outside the few directions that its atoms span would be infinitely far away. The mean
    of an element without atoms is that of all.

    Parameters
    ----------
    features : Tensor, (n, D)
    species : Tensor, (n,), int64

    Returns
    -------
    tuple of Tensor, or None if all atoms of each element are alike, so that distances mean nothing
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
            covariance = within  # identical atoms count as one
        smallest = SMALLEST_VARIANCE * covariance.trace() / n_features
        factor = torch.linalg.cholesky(covariance + smallest * unit)
        inverse = torch.linalg.solve_triangular(factor, unit, upper=False)
        packed.append(inverse[tuple(torch.tril_indices(n_features, n_features))])
    return means, torch.stack(packed), counts


def _filled_up(scatter: Tensor, n_atoms: int, enough: int, other: Tensor) -> Tensor:
    """The covariance of ``enough`` atoms, with the other covariance for those that are missing."""
    missing = max(0, enough - n_atoms)
    return (scatter + missing * other) / (n_atoms + missing)


def unpacked(rows: Tensor) -> Tensor:
    """The lower triangular matrix (D, D) from its rows (D (D + 1) / 2,)."""
    size = int((8 * len(rows) + 1) ** 0.5) // 2
    out = rows.new_zeros(size, size)
    out[tuple(torch.tril_indices(size, size))] = rows
    return out
