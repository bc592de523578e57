"""Sensitivities outside a pair's window are negligible, and so is the error of leaving them out."""

import pytest
import torch

from hipnn_ts.export import packing
from hipnn_ts.export.exported import FusedPotential
from hipnn_ts.model import derivatives
from hipnn_ts.neighbours import neighbour_pairs
from hipnn_ts.operators import reference

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["single", "double"])


def largest_left_out(mu, sigma, cutoff, dtype):
    """Return the largest value or slope (1/Å) of a sensitivity outside its pair's window, at 20,000
    distances; zero if no sensitivity is outside."""
    generator = torch.Generator().manual_seed(0)
    mu, sigma = mu.to(dtype), sigma.to(dtype)
    order = torch.argsort(1.0 / mu)
    first, count = packing.window_table(1.0 / mu[order], sigma[order], cutoff)
    distances = torch.rand(20000, generator=generator, dtype=torch.float64) * (cutoff - 0.05) + 0.04
    distances.requires_grad_(True)
    values = reference.sensitivities(distances, mu[order].double(), sigma[order].double(), cutoff)
    slopes = torch.stack(
        [torch.autograd.grad(v.sum(), distances, retain_graph=True)[0] for v in values.T], dim=1
    )
    bins = (distances.detach() * (len(first) / cutoff)).long()
    columns = torch.arange(len(mu))
    left_out = (columns < first[bins, None]) | (columns >= (first + count)[bins, None])
    return (left_out * torch.maximum(values, slopes.abs())).max().item()


@DTYPES
@pytest.mark.parametrize("widths", ["initial", "narrow", "wide", "uneven", "unsorted"])
def test_windows_leave_out_only_what_rounding_would(widths, dtype):
    generator = torch.Generator().manual_seed(0)
    mu = 1.0 / torch.linspace(1 / 5.5, 1 / 0.75, 20, dtype=torch.float64)
    sigma = torch.full_like(mu, 30.0)
    if widths == "narrow":
        sigma *= 10
    elif widths == "wide":
        sigma /= 20
    elif widths == "uneven":
        sigma *= torch.empty_like(mu).uniform_(0.05, 8.0, generator=generator)
    elif widths == "unsorted":
        mu = mu * torch.empty_like(mu).uniform_(0.5, 1.5, generator=generator)
    largest = largest_left_out(mu, sigma, 6.5, dtype)
    assert 0.0 < largest <= torch.finfo(dtype).eps


@DTYPES
def test_windows_of_the_published_potential(published_potential, dtype):
    for block in published_potential.blocks:
        mu, sigma = block.interaction.mu.detach(), block.interaction.sigma.detach()
        largest = largest_left_out(mu, sigma, published_potential.config.cutoff, dtype)
        assert 0.0 < largest <= torch.finfo(dtype).eps


def test_cost_of_single_precision_windows_for_the_published_potential(
    published_potential, water, monkeypatch
):
    """Windows for float32, used in float64, change forces by less than 1e-7 of the largest."""
    atoms = water(3)
    i, j, shifts = neighbour_pairs(
        atoms.positions, atoms.cell.array, atoms.pbc, published_potential.config.cutoff
    )
    vectors = torch.from_numpy(atoms.positions[j] + shifts - atoms.positions[i])
    elements = [{1: "H", 8: "O"}[z] for z in atoms.numbers]
    known = list(published_potential.config.elements)
    species = torch.tensor([known.index(e) for e in elements])
    ends = torch.from_numpy(i), torch.from_numpy(j)

    def forces():
        fused = FusedPotential(published_potential, torch.float64)
        _, gradients = fused.energies_and_pair_gradients(species, *ends, vectors)
        return derivatives.forces(gradients, *ends, len(atoms))

    exact = forces()
    table = packing.window_table
    monkeypatch.setattr(
        packing, "window_table", lambda mu, sigma, cutoff: table(mu.float(), sigma.float(), cutoff)
    )
    error = (forces() - exact).abs().max()
    print(f"largest force {exact.abs().max():.3g} eV/Å, error of the windows {error:.2g} eV/Å")
    assert 0.0 < error < 1e-7 * exact.abs().max()
