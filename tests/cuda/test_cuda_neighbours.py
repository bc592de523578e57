"""Neighbour search and forces of an emulated GPU equal the CPU's for the same positions."""

import numpy as np
import pytest
import torch
from comparing import largest

from hipnn_ts.export.exported import FusedPotential
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

pytestmark = pytest.mark.slow

LENGTH, ENERGY = 10.0, 96.5  # nm and kJ/mol
CUTOFF = 3.0


SMALL = NetworkConfig(
    elements=("H", "O"),
    n_features=(8, 8),
    n_atom_layers=1,
    n_sensitivities=8,
    soft_max=2.8,
    cutoff=CUTOFF,
)


def fused_potential(config=SMALL, dtype=torch.float64, n_members=1):
    members = []
    for seed in range(5, 5 + n_members):
        torch.manual_seed(seed)
        potential = Potential(config, fused=False).double()
        potential.self_energies += torch.tensor([-8.0 - seed, -2041.0], dtype=torch.float64)
        members.append(potential)
    return FusedPotential(members[0], dtype, *members[1:])


def parts(n_particles, particles, fused):
    """Return the arguments of EnergyAndForces, without limits from training data."""
    return [
        *fused.weights,
        torch.as_tensor(particles),
        torch.as_tensor(particles) % 2,
        torch.zeros(0, 0, dtype=torch.float64),
        n_particles,
        False,
        LENGTH,
        ENERGY,
    ]


LIMITS, STOP = 3, 5  # indices into these arguments


class Both:
    """The force object on the emulated GPU and on the CPU, made of the same parts."""

    def __init__(self, emulated, n_particles, particles=None, dtype=torch.float64, n_members=1):
        fused = fused_potential(dtype=dtype, n_members=n_members)
        made_of = parts(n_particles, particles or list(range(n_particles)), fused)
        self.emulated = emulated
        self.number = emulated.create(*made_of)
        self.cpu = torch.classes.hipnn_ts.EnergyAndForces(*made_of)

    def compare(self, positions, cell=None, tolerance=1e-10):
        box = None if cell is None else torch.from_numpy(cell)
        x = torch.from_numpy(positions)
        energy, forces = self.emulated.step(self.number, x / LENGTH, box)
        wanted_energy, wanted = self.cpu.evaluate(x / LENGTH, None if box is None else box / LENGTH)
        scale = largest(1.0, wanted.abs().max().item())
        assert abs(energy - wanted_energy) <= tolerance * largest(scale, abs(wanted_energy.item()))
        torch.testing.assert_close(forces, wanted, rtol=0, atol=tolerance * scale)
        return wanted

    def searches(self):
        return self.emulated.searches(self.number)


def random_cell(random):
    """Return a triclinic cell, right- or left-handed, half to two and a half cutoffs wide."""
    while True:
        lengths = CUTOFF * random.uniform(0.5, 2.5, 3)
        cell = np.diag(lengths) + random.uniform(-0.4, 0.4, (3, 3)) * lengths
        heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
        if heights.min() > 0.4 * CUTOFF:
            return cell[random.permutation(3)]


@pytest.mark.parametrize("seed", range(4))
def test_every_image_in_random_cells(emulated, seed):
    random = np.random.default_rng(seed)
    cell = random_cell(random)
    n = int(random.integers(1, 12))
    positions = random.uniform(-2, 2, (n, 3)) @ cell
    assert Both(emulated, n).compare(positions, cell).abs().max() > 0


@pytest.mark.parametrize("n", [1, 2, 40])
def test_molecules(emulated, n):
    random = np.random.default_rng(n)
    positions = random.uniform(-1, 1, (n, 3)) * 1.2 * n ** (1 / 3) + 1000.0
    Both(emulated, n).compare(positions)


def test_committees(emulated):
    """The mean of three members equals the CPU's and differs from one member's results."""
    positions = np.random.default_rng(1).uniform(0, 6, (20, 3))
    both = Both(emulated, 20, n_members=3)
    assert both.compare(positions, np.eye(3) * 6).abs().max() > 0
    alone = Both(emulated, 20).compare(positions, np.eye(3) * 6)
    assert (both.compare(positions, np.eye(3) * 6) - alone).abs().max() > 1e-3


@pytest.mark.parametrize("n", [2, 65])
def test_no_pairs_at_all(emulated, n):
    Both(emulated, n).compare(50.0 * np.arange(n)[:, None] * np.array([[1.0, 0, 0]]))


def test_steps_of_a_molecule_wait_once(emulated):
    """A step of a molecule synchronises at its end only; its list of all pairs is never renewed."""
    random = np.random.default_rng(8)
    positions = random.uniform(0, 6, (9, 3))
    both = Both(emulated, 9)
    both.compare(positions * 20)  # pairs beyond the cutoff must stay in the list
    before = emulated.waits()
    for factor in (1.0, 0.5, 1.2):
        assert both.compare(positions * factor).abs().max() > 0
    assert (emulated.waits(), both.searches()) == (before + 3, 1)


def test_more_atoms_without_a_box_are_searched_again(emulated):
    random = np.random.default_rng(9)
    positions = random.uniform(0, 9, (65, 3))
    both = Both(emulated, 65)
    both.compare(positions * 20)
    assert both.compare(positions).abs().max() > 0
    assert both.searches() == 2


def test_a_subset_of_the_particles(emulated):
    random = np.random.default_rng(3)
    both = Both(emulated, 12, [1, 4, 5, 9])
    forces = both.compare(random.uniform(0, 5, (12, 3)), np.eye(3) * 6.0)
    assert not forces[[0, 2, 3, 6, 7, 8, 10, 11]].any()


def test_single_precision(emulated):
    random = np.random.default_rng(4)
    both = Both(emulated, 12, dtype=torch.float32)
    both.compare(random.uniform(0, 6, (12, 3)), np.eye(3) * 6.0, tolerance=1e-5)


def test_the_list_is_kept_while_it_fits(emulated):
    random = np.random.default_rng(6)
    cell = np.array([[6.0, 0, 0], [1.0, 5.5, 0], [-1.0, 1.5, 5.0]])
    positions = random.uniform(0, 6, (8, 3))
    both = Both(emulated, 8)
    for step in range(12):
        both.compare(positions, cell)
        assert both.searches() < step + 2
        positions = positions + random.normal(0, 0.06, positions.shape)
    # The list must be kept for some steps and renewed for others.
    assert 1 < both.searches() < 8
    before = both.searches()
    both.compare(positions, cell * 1.001)
    assert both.searches() == before + 1


@pytest.mark.parametrize(
    ("positions", "cell", "sentence"),
    [
        ([[0, 0, 0], [np.nan, 0, 0]], np.eye(3) * 8, "expected finite coordinates"),
        ([[0, 0, 0], [1e6, 0, 0]], np.eye(3) * 8, "expected coordinates near the box"),
        ([[0, 0, 0], [1, 0, 0]], np.diag([8.0, 8.0, 0.0]), "expected independent box vectors"),
    ],
)
def test_mistakes_are_named(emulated, positions, cell, sentence):
    both = Both(emulated, 2)
    with pytest.raises(Exception, match=sentence):
        emulated.step(
            both.number, torch.tensor(positions, dtype=torch.float64) / LENGTH, torch.tensor(cell)
        )
    both.compare(np.array([[0, 0, 0], [1.0, 0, 0]]), np.eye(3) * 8.0)


def test_memory_of_a_step(emulated):
    """The device allocates at most 16 kB per atom, the neighbour list included, for the published
    ANI-1x architecture at the density of water, as in benchmarks/speed/gpu.
    Scratch of fixed size counts for little here: the emulated device's limits are small."""
    fused = fused_potential(
        NetworkConfig(elements=("H", "O"), n_features=(128, 128)), dtype=torch.float32
    )
    edge, n = 10.8, 125
    grid = torch.cartesian_prod(*[torch.arange(5) / 5] * 3).double() * edge
    box = edge * torch.eye(3, dtype=torch.float64)

    def evaluate(n):
        number = emulated.create(*parts(n, list(range(n)), fused))
        emulated.step(number, grid[:n] / LENGTH, box)

    evaluate(1)  # uploads the weights, which stay on the device
    emulated.peak_bytes()
    evaluate(n)
    kilobytes = emulated.peak_bytes() / n / 1000
    assert 8 < kilobytes < 16
