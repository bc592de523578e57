"""The published ANI-1x potential (doi:10.1039/d4dd00265b), imported as a user would."""

import io
import lzma
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import units
from ase.build import molecule
from ase.io import read
from ase.optimize import BFGS
from hippynn.layers.targets import HEnergy
from hippynn.networks.hipnn import HipnnQuad
from hippynn_graphs import assert_same, evaluate

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.export import export_potential
from hipnn_ts.hippynn import import_hippynn
from hipnn_ts.hippynn.settings import parse_settings
from hipnn_ts.neighbours import neighbour_pairs
from hipnn_ts.validation import read_mapping

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).parents[2] / "examples" / "hippynn" / "ani1x.yaml"
KCAL_PER_MOL = units.kcal / units.mol


@pytest.fixture(scope="module")
def model_file(shared_data):
    path = shared_data / "hipnnts-ani1x" / "best_model.pt"
    if not path.is_file():
        pytest.skip(f"the published ANI-1x potential is not at {path}")
    return path


@pytest.fixture(scope="module")
def potential(model_file):
    settings = parse_settings(read_mapping(CONFIG) | {"dtype": "float64"}, str(CONFIG))
    return import_hippynn(model_file, settings)[0]


@pytest.fixture(scope="module")
def original(model_file):
    """hippynn's own modules with the file's weights and the architecture of its training script."""
    state = torch.load(model_file, map_location="cpu", weights_only=True)
    network = HipnnQuad(
        n_features=128,
        n_sensitivities=20,
        dist_soft_min=0.75,
        dist_soft_max=5.5,
        dist_hard_max=6.5,
        n_atom_layers=4,
        n_interaction_layers=2,
        possible_species=[0, 1, 6, 7, 8],
        sensitivity_type="inverse",
        resnet=True,
        cusp_reg=1e-30,
    )
    readout = HEnergy(network.feature_sizes)
    for module, prefix in ((network, "moddict.node16."), (readout, "moddict.node18.")):
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        module.load_state_dict(own | {k: v for k, v in module.state_dict().items() if k not in own})
    return network.double(), readout.double()


def evaluate_original(original, atoms):
    """Return hippynn's interaction energies (n,) in eV and forces (n, 3) in eV/Å."""
    network, readout = original
    receivers, senders, shifts = neighbour_pairs(atoms.positions, atoms.cell.array, atoms.pbc, 6.5)
    first, second = torch.from_numpy(receivers), torch.from_numpy(senders)
    positions = torch.from_numpy(atoms.positions).requires_grad_(True)
    vectors = positions[second] + torch.from_numpy(shifts) - positions[first]
    species = torch.tensor([[1, 6, 7, 8].index(z) for z in atoms.numbers])
    one_hot = torch.nn.functional.one_hot(species, 4)
    features = network(one_hot, first, second, vectors.norm(dim=1), vectors)
    energies = readout(features, torch.zeros_like(species), 1)[1].squeeze(1)
    energies = energies - readout.layers[0].weight[0][species]
    (gradient,) = torch.autograd.grad(energies.sum(), positions)
    return energies.detach().numpy() * KCAL_PER_MOL, -gradient.numpy() * KCAL_PER_MOL


@pytest.mark.parametrize("formula", ["H2O", "CH4", "CH3CH2OH", "C6H6"])
def test_molecules_agree(potential, original, formula):
    atoms = molecule(formula)
    atoms.rattle(0.05, seed=1)
    energies, forces = evaluate(potential, [atoms])
    expected_energies, expected_forces = evaluate_original(original, atoms)
    assert_same(energies, expected_energies)
    assert_same(forces, expected_forces)


def test_liquid_water_agrees(potential, original, shared_data):
    with lzma.open(shared_data / "water_pbe0ts" / "valid.extxyz.xz", "rt") as file:
        lines = [next(file) for _ in range(194)]
    atoms = read(io.StringIO("".join(lines)), format="extxyz")
    assert len(atoms) == 192 and atoms.pbc.all()
    energies, forces = evaluate(potential, [atoms])
    expected_energies, expected_forces = evaluate_original(original, atoms)
    assert_same(energies, expected_energies)
    assert_same(forces, expected_forces)


@pytest.fixture(scope="module")
def calculator(potential, tmp_path_factory):
    path = tmp_path_factory.mktemp("ani1x") / "ani1x.pt"
    export_potential(potential, path, {}, portable=True)
    return HIPNNTSCalculator(path)


def relax(atoms, calculator):
    """Relax the atoms in place to 0.01 eV/Å; return the energy in kcal/mol."""
    atoms.calc = calculator
    assert BFGS(atoms, logfile=None).run(fmax=0.01, steps=300)
    return atoms.get_potential_energy() / KCAL_PER_MOL


def bond_lengths(atoms, a, b):
    """Return the lengths (n,) of the bonds between elements a and b."""
    distances = atoms.get_all_distances()[np.ix_(atoms.symbols == a, atoms.symbols == b)]
    return distances[distances < 1.7]


# Relaxed energies relative to the self-energies (kcal/mol) and bond lengths (Å) that hippynn
# 0.1.3 gives with these weights in float64.
@pytest.mark.parametrize(
    ("formula", "energy", "bond", "length"),
    [
        ("H2O", -220.082, "OH", 0.9641),
        ("NH3", -288.268, "NH", 1.0163),
        ("C6H6", -1377.271, "CH", 1.0867),
        ("CH3CH2OH", -809.615, None, None),
    ],
)
def test_relaxed_molecules(calculator, formula, energy, bond, length):
    atoms = molecule(formula)
    assert relax(atoms, calculator) == pytest.approx(energy, abs=2e-2)
    if bond:
        np.testing.assert_allclose(bond_lengths(atoms, *bond), length, atol=1e-3)


def test_methane(calculator):
    # Without cusp regularisation the energy has a cusp at the tetrahedral geometry, where forces do
    # not vanish: an optimiser ends anywhere within 0.2 kcal/mol.
    atoms = molecule("CH4")
    atoms.calc = calculator
    BFGS(atoms, logfile=None).run(fmax=0.01, steps=50)
    assert atoms.get_potential_energy() / KCAL_PER_MOL == pytest.approx(-418.613, abs=0.2)
    np.testing.assert_allclose(bond_lengths(atoms, "C", "H"), 1.0925, atol=1.5e-3)


def test_water_dimer(calculator):
    donor, acceptor = molecule("H2O"), molecule("H2O")
    # The reference values are for a straight hydrogen bond, which symmetry preserves here. If the
    # acceptor were free to turn, the binding energy would reach 8.27 kcal/mol.
    acceptor.rotate(90, "x")
    acceptor.positions += donor.positions[0] - acceptor.positions[0] + [0.0, 2.85, 0.0]
    dimer = donor + acceptor
    bound = 2 * relax(molecule("H2O"), calculator) - relax(dimer, calculator)
    assert bound == pytest.approx(6.85, abs=0.02)
    assert dimer.get_distance(0, 3) == pytest.approx(2.855, abs=5e-3)
