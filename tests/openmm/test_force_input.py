import sys
import warnings

import numpy as np
import openmm
import pytest
import torch
from ase.build import molecule
from openmm import app

from hipnn_ts.errors import InputError
from hipnn_ts.export import load_exported
from hipnn_ts.openmm import CutBondWarning, create_force
from hipnn_ts.openmm.scripted import FusedEnergyAndForces, PortableEnergyAndForces


def topology(symbols, box=None):
    made = app.Topology()
    residue = made.addResidue("MOL", made.addChain())
    for symbol in symbols:
        element = None if symbol is None else app.Element.getBySymbol(symbol)
        made.addAtom(str(symbol), element, residue)
    if box is not None:
        made.setPeriodicBoxVectors(np.eye(3) * box)
    return made


def test_topology_tells_elements_and_box(random_model):
    assert not create_force(random_model(), topology("OHH")).usesPeriodicBoundaryConditions()
    force = create_force(random_model(), topology("OHH", box=2.0))
    assert force.usesPeriodicBoundaryConditions()
    assert not create_force(
        random_model(), topology("OHH", box=2.0), periodic=False
    ).usesPeriodicBoundaryConditions()


def test_default_is_torch(random_model):
    import openmmtorch

    assert isinstance(create_force(random_model(), topology("OHH")), openmmtorch.TorchForce)
    python = create_force(random_model(), topology("OHH"), implementation="python")
    assert isinstance(python, openmm.PythonForce)


def test_without_openmm_torch(random_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "openmmtorch", None)  # as if it were not installed
    assert isinstance(create_force(random_model(), topology("OHH")), openmm.PythonForce)
    with pytest.raises(
        InputError, match=r"pip install 'hipnn-ts\[openmm-torch\]', or use implementation"
    ):
        create_force(random_model(), topology("OHH"), implementation="torch")


def test_other_elements_and_virtual_sites_outside_of_the_atoms(random_model):
    create_force(random_model(), topology(["C", "O", "H", "H", None]), atoms=range(1, 4))


MISTAKES = {
    r"^atom 1: expected one of the elements H O of .*, found C$": ([8, 6, 1], {}),
    r"^atom 2: .*, found atomic number 200$": ([8, 1, 200], {}),
    r"^atom 1: .*, found a particle without an element, such as a virtual site; leave it out of "
    r"the potential's atoms: atoms=\[\.\.\.\]$": ([8, 0, 1], {}),
    r"^atom 3 \(None of MOL 1\): .*, found a particle without an element": (
        topology(["O", "H", "H", None]),
        {},
    ),
    r"^atom 2 \(C of MOL 1\): expected one of the elements H O of .*, found C$": (
        topology(["O", "H", "C"]),
        {},
    ),
    r"^atoms: expected indices below the 3 particles, found 3$": ([8, 1, 1], {"atoms": [0, 3]}),
    r"^atoms: expected indices below the 3 particles, found -1$": ([8, 1, 1], {"atoms": [-1]}),
    r"^atoms: expected each index once, found 1 twice$": ([8, 1, 1], {"atoms": [1, 1]}),
    r"^atoms: expected at least one atom, found none$": ([8, 1, 1], {"atoms": []}),
    r"^atoms: expected particle indices": ([8, 1, 1], {"atoms": [0.5]}),
    r"^periodic: expected True or False": ([8, 1, 1], {"periodic": None}),
    r"^periodic: expected a topology with box": (topology("OHH"), {"periodic": True}),
    r"^implementation: expected 'torch' or 'python', found 'jax'$": (
        [8, 1, 1],
        {"implementation": "jax"},
    ),
    r"^topology_or_numbers: expected an openmm.app.Topology.*, found int$": (5, {}),
    r"^topology_or_numbers: .*, found 'H' as number 1$": ([8, "H", "H"], {}),
}


def test_bonds_that_are_cut_are_named(random_model):
    made = topology(["O", "H", "H", "O", "H", "H"])
    oxygen, first, second, other, third, fourth = made.atoms()
    for ends in ((oxygen, first), (oxygen, second), (other, third), (other, fourth)):
        made.addBond(*ends)
    with pytest.warns(CutBondWarning) as told:
        create_force(random_model(), made, atoms=[0, 1, 3, 4, 5])
    assert [str(each.message).partition(";")[0] for each in told] == [
        "the potential's atoms end at 1 bond: atom 0 (O of MOL 1) - atom 2 (H of MOL 1)"
    ]
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for whole in ([0, 1, 2], [3, 4, 5], None):
            create_force(random_model(), made, atoms=whole)


UNKNOWN = torch.zeros(0, 0, dtype=torch.float64)  # unknown closest approach in training


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_named(random_model, message):
    first, options = MISTAKES[message]
    with pytest.raises(InputError, match=message):
        create_force(random_model(), first, **{"periodic": False, **options})


@pytest.mark.parametrize("implementation", ["torch", "python"])
def test_mistakes_seen_on_evaluation(random_model, build_system, engine, implementation):
    atoms = molecule("H2O")
    system = build_system(random_model(), atoms, implementation)
    positions = atoms.positions.copy()
    positions[2, 0] = np.nan
    with pytest.raises(openmm.OpenMMException, match="particle 2: expected finite coordinates"):
        engine(system).place(positions).energy_and_forces()
    system.addParticle(1.0)
    positions = np.vstack([atoms.positions, [5.0, 0.0, 0.0]])
    with pytest.raises(openmm.OpenMMException, match=r"expected the 3 particles .* system of 4"):
        engine(system).place(positions).energy_and_forces()


@pytest.mark.parametrize("flavour", [FusedEnergyAndForces, PortableEnergyAndForces])
def test_positions_in_single_precision(random_model, water, flavour):
    """Positions may be float32, as from GPU platforms in single or mixed precision."""
    atoms = water(3)
    potential, _ = load_exported(random_model(portable=flavour is PortableEnergyAndForces))
    species = [potential.elements.index(symbol) for symbol in atoms.symbols]
    every = list(range(len(atoms)))
    module = torch.jit.script(
        flavour(potential, len(atoms), every, species, True, UNKNOWN, False).eval()
    )
    positions = torch.from_numpy(atoms.positions * 0.1)
    box = torch.from_numpy(atoms.cell.array * 0.1)
    energy, forces = module(positions, box)
    for _ in range(2):
        single = module(positions.float(), box.float())
        assert single[0].dtype == single[1].dtype == torch.float64
        assert single[0].item() == pytest.approx(energy.item(), abs=0.1)
        torch.testing.assert_close(single[1], forces, rtol=0, atol=0.5)


def test_no_search_while_nothing_moves_far(random_model, water):
    atoms = water(3)
    potential, _ = load_exported(random_model())
    own = [3, 4, 5, 30, 31, 32]
    module = torch.jit.script(
        FusedEnergyAndForces(potential, len(atoms), own, [1, 0, 0] * 2, True, UNKNOWN, False)
    )
    box = torch.from_numpy(atoms.cell.array * 0.1)
    random = np.random.default_rng(8)
    for _ in range(20):
        moved = atoms.positions + random.uniform(-0.1, 0.1, atoms.positions.shape)
        moved[50:] += 3.0 * random.uniform(size=3)  # particles of other forces
        module(torch.from_numpy(moved * 0.1), box)
    assert module.whole.searches() == 1
    module(torch.from_numpy((atoms.positions + 0.6) * 0.1), box)
    assert module.whole.searches() == 2
