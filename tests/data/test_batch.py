"""Batches give the same results as single configurations, differentiated by autograd."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.singlepoint import SinglePointCalculator

from hipnn_ts.data import ReferenceDataset, collate
from hipnn_ts.errors import InputError
from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential
from hipnn_ts.neighbours import neighbour_pairs
from hipnn_ts.training.prediction import predict

CONFIG = NetworkConfig(
    elements=("H", "C", "O"), n_features=(8, 6), n_sensitivities=10, cutoff=5.0, soft_max=4.5
)


def labelled(atoms, stress):
    random = np.random.default_rng(len(atoms))
    results = {"energy": random.normal(), "forces": random.normal(size=(len(atoms), 3))}
    if stress:
        results["stress"] = random.normal(size=6)
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def frames():
    random = np.random.default_rng(0)
    water = Atoms("OHH" * 4, random.uniform(0, 6, (12, 3)), cell=[6, 7, 8], pbc=True)
    # A sheared cell far smaller than the cutoff: both atoms see their own images.
    crystal = Atoms("CO", [[0, 0, 0], [1.4, 1.2, 1.3]], pbc=True)
    crystal.cell = [[2.6, 0, 0], [0.5, 2.7, 0], [0.2, -0.3, 2.8]]
    slab = Atoms(
        "CCO", [[0, 0, 0], [1.3, 0, 0.2], [0, 1.2, 1.9]], cell=[2.5, 2.6, 0], pbc=[1, 1, 0]
    )
    return [
        labelled(molecule("CH3OH"), stress=False),
        labelled(water, stress=True),
        labelled(Atoms("C"), stress=False),
        labelled(crystal, stress=True),
        labelled(slab, stress=False),
        labelled(bulk("C", "fcc", 3.2), stress=False),
    ]


@pytest.fixture(scope="module")
def potential():
    torch.manual_seed(3)
    potential = Potential(CONFIG).double()
    potential.self_energies.copy_(torch.tensor([-13.0, -1000.0, -2000.0]))
    return potential


def dataset(configurations, dtype=torch.float64):
    return ReferenceDataset(configurations, CONFIG.elements, CONFIG.cutoff, dtype)


def batch_of(configurations):
    listed = dataset(configurations)
    return collate([listed[index] for index in range(len(listed))])


def direct(potential, atoms):
    """Return energy, forces and stress of one frame, by autograd on positions and strain."""
    receivers, senders, shifts = neighbour_pairs(
        atoms.positions, atoms.cell.array, atoms.pbc, CONFIG.cutoff
    )
    receivers, senders = torch.from_numpy(receivers), torch.from_numpy(senders)
    positions = torch.tensor(atoms.positions, requires_grad=True)
    strain = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    vectors = positions[senders] + torch.from_numpy(shifts) - positions[receivers]
    vectors = vectors + vectors @ strain
    species = torch.tensor([CONFIG.elements.index(symbol) for symbol in atoms.symbols])
    energy = potential(species, receivers, senders, vectors).sum()
    if not len(receivers):
        return energy.item(), np.zeros((len(atoms), 3)), None
    force, virial = torch.autograd.grad(energy, [positions, strain])
    volume = atoms.get_volume() if atoms.pbc.all() else np.nan
    return energy.item(), -force.numpy(), virial.numpy() / volume


def test_a_batch_equals_its_configurations_one_by_one(potential):
    configurations = frames()
    batch = batch_of(configurations)
    prediction, _ = predict(potential, batch, create_graph=False)
    assert batch.with_stress.tolist() == [1, 3]
    stresses = iter(prediction.stress)
    for index, atoms in enumerate(configurations):
        energy, forces, stress = direct(potential, atoms)
        mine = batch.configuration == index
        assert prediction.energy[index].item() == pytest.approx(energy, rel=1e-12)
        assert prediction.forces[mine].detach().numpy() == pytest.approx(forces, abs=1e-10)
        if "stress" in atoms.calc.results:
            assert next(stresses).detach().numpy() == pytest.approx(stress, abs=1e-12)
        assert batch.energy[index] == atoms.get_potential_energy()
        assert batch.forces[mine].numpy() == pytest.approx(atoms.get_forces())


def test_reference_stress_arrives_as_a_matrix():
    atoms = frames()[1]
    sample = dataset([atoms])[0]
    assert sample.stress.numpy() == pytest.approx(atoms.get_stress(voigt=False))
    assert sample.volume == pytest.approx(6 * 7 * 8)


def test_a_cell_smaller_than_the_cutoff_equals_its_supercell(potential):
    small = frames()[3]
    large = labelled(small.repeat((3, 2, 2)), stress=True)
    batch = batch_of([small, large])
    assert len(dataset([small])[0].receivers) > 2 * 50
    prediction, _ = predict(potential, batch, create_graph=False)
    energy, forces = prediction.energy.detach(), prediction.forces.detach()
    assert energy[1].item() == pytest.approx(12 * energy[0].item(), rel=1e-12)
    assert forces[2:].numpy() == pytest.approx(forces[:2].repeat(12, 1).numpy(), abs=1e-10)
    assert prediction.stress[1].detach().numpy() == pytest.approx(
        prediction.stress[0].detach().numpy(), abs=1e-12
    )


def test_gradients_stay_finite_where_molecules_have_no_volume(potential):
    batch = batch_of(frames())
    prediction, _ = predict(potential, batch, create_graph=True)
    loss = (prediction.stress.square().mean() + prediction.forces.square().mean()).sqrt()
    for gradient in torch.autograd.grad(loss, list(potential.parameters()), allow_unused=True):
        assert gradient is None or gradient.isfinite().all()


def test_an_element_the_network_does_not_know_is_named():
    with pytest.raises(InputError, match="frame 1: atom 0: expected one of the elements H C O"):
        dataset([frames()[0], labelled(molecule("NH3"), stress=False)])


def test_two_atoms_in_one_place_are_named():
    atoms = labelled(
        Atoms("CO", [[0, 0, 0], [3.0, 0, 0.01]], cell=[3, 3, 3], pbc=True), stress=True
    )
    with pytest.raises(InputError, match=r"frame 0: atoms \d and \d: expected at least 0.05 Å"):
        dataset([atoms])


def test_pairs_that_are_not_kept_are_the_same():
    configurations = frames()
    kept = dataset(configurations)
    listed = ReferenceDataset(
        configurations, CONFIG.elements, CONFIG.cutoff, torch.float64, keep_pairs=False
    )
    assert listed.n_atoms == kept.n_atoms
    for index in [*range(len(kept)), ~1]:
        for a, b in zip(listed[index], kept[index], strict=True):
            assert torch.equal(a, b) if isinstance(a, torch.Tensor) else repr(a) == repr(b)
    assert listed[~1].weight == 0.0 and listed[1].weight == 1.0
