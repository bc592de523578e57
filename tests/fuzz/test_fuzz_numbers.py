"""Kernels and neighbour searches equal simple references for random shapes."""

import numpy as np
import pytest
import torch
from comparing import largest
from every_image import every_image, sorted_pairs

from hipnn_ts.export.exported import FusedPotential, PortablePotential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.neighbours import neighbour_pairs

pytestmark = pytest.mark.slow

TOLERANCE = {torch.float32: 3e-5, torch.float64: 1e-11}
CUTOFF = 3.0


def _network(random) -> NetworkConfig:
    widths = [int(n) for n in random.integers(1, 70, size=random.integers(1, 4))]
    residual = bool(random.random() < 0.8)
    middle = [int(n) for n in random.integers(1, 70, size=len(widths))]
    soft_min = random.uniform(0.3, 1.5)
    zbl = random.uniform(0.2, 2.0), random.uniform(2.1, 5.0)
    return NetworkConfig(
        elements=("H", "C", "N", "O")[: random.integers(1, 5)],
        n_features=widths,
        n_middle_features=middle if residual else None,
        n_atom_layers=int(random.integers(0, 4)),
        n_sensitivities=int(random.integers(1, 40)),
        l_max=int(random.integers(0, 4)),
        soft_min=soft_min,
        soft_max=random.uniform(soft_min + 0.5, 5.0),
        cutoff=random.uniform(5.0, 7.0),
        residual=residual,
        zbl=zbl if random.random() < 0.5 else None,
    )


def test_kernels(fuzz):
    for random in fuzz:
        torch.manual_seed(int(random.integers(2**31)))
        potential = Potential(_network(random), fused=False).double()
        n_atoms, n_pairs = int(random.integers(1, 30)), int(random.integers(0, 400))
        species = torch.randint(len(potential.config.elements), (n_atoms,))
        receivers = torch.randint(n_atoms, (n_pairs,)).sort().values
        senders = torch.randint(n_atoms, (n_pairs,))
        directions = torch.nn.functional.normalize(torch.randn(n_pairs, 3, dtype=torch.float64))
        lengths = torch.rand(n_pairs, 1, dtype=torch.float64) * 7.0 + 0.5
        arguments = species, receivers, senders, directions * lengths
        dtype = torch.float64 if random.random() < 0.5 else torch.float32
        expected = PortablePotential(potential, torch.float64).energies_and_pair_gradients(
            *arguments
        )
        found = FusedPotential(potential, dtype).energies_and_pair_gradients(*arguments)
        # If moments cancel, rounding errors grow: five times plain torch's errors are allowed.
        plain = PortablePotential(potential, dtype).energies_and_pair_gradients(*arguments)
        for a, b, c in zip(found, expected, plain, strict=True):
            if b.numel():
                scale = largest(b.abs().max().item(), 1.0)
                allowed = largest(TOLERANCE[dtype] * scale, 5 * (c - b).abs().max().item())
                deviation = (a - b).abs().max().item()
                assert deviation <= allowed, (potential.config, n_atoms, n_pairs)


def _cell(random):
    """Return a triclinic cell of either handedness, a third of a cutoff to three cutoffs wide."""
    while True:
        lengths = CUTOFF * 3.0 ** random.uniform(-1, 1, 3)
        cell = np.diag(lengths) + random.uniform(-0.45, 0.45, (3, 3)) * lengths
        if (1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)).min() > CUTOFF / 3.5:
            return cell[random.permutation(3)]


def test_neighbours(fuzz):
    """Python's search is right for any periodicity, the operator's for boxes and molecules."""
    search = torch.classes.hipnn_ts.Neighbours(CUTOFF)
    for random in fuzz:
        cell = _cell(random)
        periodic = random.random(3) < 0.6
        positions = random.uniform(-1, 1, (int(random.integers(1, 25)), 3)) @ cell
        wanted = every_image(positions, cell, periodic, CUTOFF)
        i, j, shifts = neighbour_pairs(positions, cell, periodic, CUTOFF)
        found = sorted_pairs(i, j, positions[j] + shifts - positions[i])
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9)
        if periodic.all() or not periodic.any():
            box = torch.from_numpy(cell) if periodic.all() else None
            pairs = [each.numpy() for each in search.pairs(torch.from_numpy(positions), box)]
            np.testing.assert_allclose(sorted_pairs(*pairs), wanted, rtol=0, atol=1e-9)
