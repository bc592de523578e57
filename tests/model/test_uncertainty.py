"""The distribution of features equals plain NumPy's, also for elements with few or no atoms."""

import numpy as np
import pytest
import torch
from uncertainties import expected, features, triangle

from hipnn_ts.model.uncertainty import (
    ATOMS_PER_FEATURE,
    SMALLEST_VARIANCE,
    Uncertainty,
    distances,
    distribution,
    features_of,
)
from hipnn_ts.neighbours import neighbour_pairs

D = 6


def sample(*counts, seed=0):
    """Return random features of ``counts`` atoms per element; means and covariances differ."""
    random = np.random.default_rng(seed)
    rows = [
        random.normal(size=(n, D)) @ random.normal(size=(D, D)) * 10.0**-k + k
        for k, n in enumerate(counts)
    ]
    species = np.repeat(np.arange(len(counts)), counts)
    return torch.from_numpy(np.concatenate(rows)), torch.from_numpy(species)


def test_many_atoms_as_in_numpy():
    phi, species = sample(200, 90)
    means, whitening, counts = distribution(phi, species, 2)
    assert counts.tolist() == [200, 90]
    other, of_other = sample(5, 4, seed=1)
    found = distances(means, whitening, other, of_other)
    for k in (0, 1):
        own = phi[species == k].numpy()
        covariance = np.cov(own.T, bias=True)
        covariance += SMALLEST_VARIANCE * np.trace(covariance) / D * np.eye(D)
        apart = other[of_other == k].numpy() - own.mean(axis=0)
        by_hand = np.sqrt(np.einsum("ij,jk,ik->i", apart, np.linalg.inv(covariance), apart))
        np.testing.assert_allclose(found[of_other == k], by_hand, rtol=1e-8)
        factor = triangle(whitening[k].numpy(), D)
        np.testing.assert_allclose(factor.T @ factor @ covariance, np.eye(D), atol=1e-6)


def test_features_of_a_network(random_potential, random_uncertainty, water):
    potential, own, atoms = random_potential(), random_uncertainty(), water(2)
    i, j, shifts = neighbour_pairs(atoms.positions, atoms.cell.array, atoms.pbc, 4.0)
    vectors = torch.from_numpy(atoms.positions[j] + shifts - atoms.positions[i])
    species = torch.from_numpy((atoms.numbers == 8).astype(np.int64))
    with torch.no_grad():
        found = features_of(potential, species, torch.from_numpy(i), torch.from_numpy(j), vectors)
    np.testing.assert_allclose(found, features(potential, atoms)[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        own.of(found, species), expected(potential, own, atoms), rtol=1e-11, atol=1e-12
    )


@pytest.mark.parametrize("few", [0, 1, 2, D, ATOMS_PER_FEATURE * D - 1])
def test_few_atoms_of_an_element(few):
    """Distances for an element with few or no training atoms are finite, and those for other
    elements do not change."""
    phi, species = sample(2000, few)
    made = distribution(phi, species, 2)
    other, of_other = sample(500, 500, seed=3)
    found = distances(*made[:2], other, of_other)
    assert found.isfinite().all()
    known, rare = found[of_other == 0], found[of_other == 1]
    alone = distances(
        *distribution(phi[species == 0], species[species == 0], 1)[:2], other, 0 * of_other
    )
    torch.testing.assert_close(known, alone[of_other == 0], rtol=1e-12, atol=0)
    rms = rare.square().mean().sqrt()
    assert rms < 30 * D**0.5 if few else rms > 0


def covariance_of(whitening):
    factor = np.linalg.inv(triangle(whitening.numpy(), D))
    return factor @ factor.T


def filled_up(scatter, n, other):
    """Return the covariance of ``n`` atoms, with missing ones replaced by another covariance."""
    enough = ATOMS_PER_FEATURE * D
    missing = enough - n if n < enough else 0
    return (scatter + missing * other) / (n + missing)


@pytest.mark.parametrize("counts", [(50, 4), (3, 2), (7, 5)])
def test_few_atoms_are_filled_up_as_in_numpy(counts):
    """The pooled covariance supplements few atoms; if all are few, independent features do."""
    phi, species = sample(*counts)
    means, whitening, _ = distribution(phi, species, 2)
    apart = [phi[species == k].numpy() for k in (0, 1)]
    apart = [each - each.mean(axis=0) for each in apart]
    scatters = [each.T @ each for each in apart]
    total, n = sum(scatters), sum(counts)
    within = filled_up(total, n, np.trace(total) / (n * D) * np.eye(D))
    for k in (0, 1):
        covariance = filled_up(scatters[k], counts[k], within)
        covariance += SMALLEST_VARIANCE * np.trace(covariance) / D * np.eye(D)
        found = covariance_of(whitening[k])
        np.testing.assert_allclose(found, covariance, rtol=1e-8, atol=1e-9 * covariance.max())
        np.testing.assert_allclose(means[k], phi[species == k].mean(dim=0), rtol=1e-12)


def test_an_element_without_atoms_has_the_mean_of_all():
    phi, species = sample(40)
    means, whitening, counts = distribution(phi, species, 2)
    assert counts.tolist() == [40, 0]
    torch.testing.assert_close(means[1], phi.mean(dim=0))
    np.testing.assert_allclose(covariance_of(whitening[1]), covariance_of(whitening[0]), rtol=1e-5)


@pytest.mark.parametrize("n", [1, 2, D])
def test_few_atoms_at_all(n):
    phi, species = sample(n)
    made = distribution(phi, species, 1)
    if n == 1:
        assert made is None  # no scale for a distance
        return
    other, of_other = sample(200, seed=4)
    found = distances(*made[:2], other, of_other)
    assert found.isfinite().all()
    assert found.max() < 1e3


def test_atoms_that_are_all_alike():
    phi, species = sample(100, 50)
    phi[species == 1] = 2.0
    made = distribution(phi, species, 2)
    assert distances(*made[:2], phi, species)[species == 1].max() == 0
    near = distances(*made[:2], phi + 0.1, species)
    assert near.isfinite().all()
    assert near.max() < 1e3
    assert distribution(torch.full((9, D), 2.0), torch.zeros(9, dtype=torch.int64), 1) is None


def test_scale():
    phi, species = sample(100, 30)
    means, whitening, _ = distribution(phi, species, 2)
    scale = torch.tensor([0.5, 2.0], dtype=torch.float64)
    told = Uncertainty(means, whitening, scale, {}).of(phi, species)
    plain = distances(means, whitening, phi, species)
    torch.testing.assert_close(told[:100], 0.5 * plain[:100])
    torch.testing.assert_close(told[100:], 2.0 * plain[100:])
    assert plain[:100].square().mean().sqrt().item() == pytest.approx(D**0.5, rel=1e-3)
