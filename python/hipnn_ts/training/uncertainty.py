"""The force uncertainty of a trained network: the distribution of its features, and a scale."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from hipnn_ts.data.batch import Batch, collate
from hipnn_ts.data.dataset import ReferenceDataset
from hipnn_ts.model.potential import Potential
from hipnn_ts.model.uncertainty import Uncertainty, distances, distribution, features_of
from hipnn_ts.rank_correlation import rank_correlation
from hipnn_ts.training.prediction import predict

# Number of atoms of an element for each feature that is enough.
ATOMS_PER_FEATURE = 30
MOST_ATOMS = 50_000  # largest number for all elements together, and for the validation data
MOST_FRAMES = 100_000  # largest number of frames that are examined for them
BATCH_ATOMS = 1000
# The factor of all elements counts like this many atoms in that of each, since few atoms say
# little.
SHARED_ATOMS = 20
_GOLDEN = (5**0.5 - 1) / 2


def fit_uncertainty(
    potential: Potential, training: ReferenceDataset, validation: ReferenceDataset
) -> Uncertainty | None:
    """Fit it for a potential after its last step; the same data gives the same numbers.

    For large data, frames are taken evenly until each element has ``ATOMS_PER_FEATURE`` atoms for
    each feature, or until there are ``MOST_ATOMS`` in total. The scale of an element is the root
    mean square error of the validation data's forces on its atoms, divided by that of their
    distances; for an element with few atoms there, it is close to that of all elements. Atoms of
    elements without training data are left out.

    Returns
    -------
    Uncertainty, or None without forces in the validation data, or if all training atoms of each
    element are alike
    """
    elements = potential.config.elements
    wanted = ATOMS_PER_FEATURE * sum(potential.config.n_features)
    frames = _frames(training, len(elements), wanted)
    with torch.no_grad():
        found = [
            (_features(potential, batch), batch.species) for batch in _batches(training, frames)
        ]
    features, species = (torch.cat(each) for each in zip(*found, strict=True))
    made = distribution(features, species, len(elements))
    if made is None:
        return None
    means, whitening, counts = made
    measured, errors, of_element = _measured(potential, validation, means, whitening, counts > 0)
    if not (measured.square().sum() > 0 and errors.square().sum() > 0):
        return None
    scale = _scales(measured, errors, of_element, len(elements))
    facts = {
        "training_atoms": dict(zip(elements, counts.tolist(), strict=True)),
        "validation_atoms": len(errors),
        "rank_correlation": _rank_correlation(scale[of_element] * measured, errors),
    }
    return Uncertainty(means, whitening, scale, facts)


def _scales(measured: Tensor, errors: Tensor, species: Tensor, n_species: int) -> Tensor:
    """From distances and errors (n,) of atoms, eV/Å for each unit of distance, (S,)."""
    zeros = measured.new_zeros(n_species)
    squares = zeros.index_add(0, species, errors.square())
    distances = zeros.index_add(0, species, measured.square())
    shared = SHARED_ATOMS * torch.stack([errors.square().mean(), measured.square().mean()])
    return ((squares + shared[0]) / (distances + shared[1])).sqrt()


def described(uncertainty: Uncertainty | None) -> str:
    """One line that describes the result."""
    if uncertainty is None:
        return (
            "force uncertainty: none; the validation data has no forces to calibrate it by, or the "
            "training atoms of each element are all alike"
        )
    facts = uncertainty.facts
    counts = ", ".join(f"{symbol} {n}" for symbol, n in facts["training_atoms"].items())
    scales = 1e3 * uncertainty.scale
    told_scales = f"{scales.min():.3g}" + (f" to {scales.max():.3g}" if len(scales) > 1 else "")
    correlation = facts["rank_correlation"]
    told = "" if correlation is None else f", rank correlation with their errors {correlation:.2f}"
    return (
        f"force uncertainty: {told_scales} meV/Å for each unit of distance from "
        f"the training atoms ({counts}), by {facts['validation_atoms']} atoms of the validation "
        f"data{told}"
    )


def _measured(
    potential: Potential,
    validation: ReferenceDataset,
    means: Tensor,
    whitening: Tensor,
    known: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Distances, norms of the forces' errors, eV/Å, and species of the atoms that have a reference
    force and a known element."""
    measured, errors, species = [], [], []
    for batch in _batches(validation, _frames(validation, 0, 0)):
        if len(batch.forces) == 0:
            continue
        forces = predict(potential, batch, create_graph=False)[0].forces
        difference = forces.index_select(0, batch.with_forces) - batch.forces
        with torch.no_grad():
            found = distances(means, whitening, _features(potential, batch), batch.species)
        of_known = known[batch.species.index_select(0, batch.with_forces)]
        measured.append(found.index_select(0, batch.with_forces)[of_known])
        errors.append(difference.detach().double().norm(dim=1)[of_known])
        species.append(batch.species.index_select(0, batch.with_forces)[of_known])
    if not measured:
        none = torch.zeros(0, dtype=torch.float64)
        return none, none, none.long()
    return torch.cat(measured), torch.cat(errors), torch.cat(species)


def _features(potential: Potential, batch: Batch) -> Tensor:
    return features_of(potential, batch.species, batch.receivers, batch.senders, batch.vectors)


def _frames(data: ReferenceDataset, n_species: int, wanted: int) -> list[int]:
    """Frames that contain `wanted` atoms of each species, or with no species as many as allowed."""
    taken, counts, total = [], np.zeros(n_species, dtype=int), 0
    for index in _evenly(len(data)):
        if n_species:
            own = np.bincount(data.species(index).numpy(), minlength=n_species)
            if not (own[counts < wanted] > 0).any():
                continue
            counts += own
        taken.append(index)
        total += data.n_atoms[index]
        if total >= MOST_ATOMS or (n_species and counts.min() >= wanted):
            break
    return sorted(taken)


def _evenly(n: int) -> Iterable[int]:
    """Numbers below n, each once, the first of which are spread over all; at most `MOST_FRAMES`."""
    step = max(1, round(_GOLDEN * n))
    while np.gcd(step, n) != 1:
        step += 1
    return (k * step % n for k in range(min(n, MOST_FRAMES)))


def _batches(data: ReferenceDataset, frames: list[int]) -> Iterator[Batch]:
    part: list[int] = []
    for index in frames:
        part.append(index)
        if sum(data.n_atoms[k] for k in part) >= BATCH_ATOMS:
            yield collate([data[k] for k in part])
            part = []
    if part:
        yield collate([data[k] for k in part])


def _rank_correlation(a: Tensor, b: Tensor) -> float | None:
    found = rank_correlation(a.numpy(), b.numpy())
    return None if np.isnan(found) else round(found, 3)
