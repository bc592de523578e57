"""Hybrid pair styles: results add up, and types without an element are left alone."""

import numpy as np
import pytest
from architectures import RADII
from ase import Atoms
from lammps_run import assert_same, evaluate, hipnn, lmp, read_evaluation, reference, set_up

pytestmark = pytest.mark.slow

OVERLAY = """
pair_style hybrid/overlay hipnn/ts zbl 2.0 2.5
pair_coeff * * hipnn/ts {model} O H
pair_coeff 1 1 zbl 8 8
pair_coeff 1 2 zbl 8 1
pair_coeff 2 2 zbl 1 1
"""
ZBL = """
pair_style zbl 2.0 2.5
pair_coeff 1 1 8 8
pair_coeff 1 2 8 1
pair_coeff 2 2 1 1
"""


@pytest.fixture
def run(tmp_path):
    """Function that evaluates named systems (arguments of ``set_up``) on a number of ranks."""

    def evaluate_all(ranks, **systems):
        script = "".join(
            set_up(tmp_path, name, *arguments[:2], **dict(arguments[2:])) + evaluate(name)
            for name, arguments in systems.items()
        )
        result = lmp(tmp_path, script, ranks)
        assert result.returncode == 0, result.stdout + result.stderr
        return [read_evaluation(tmp_path, name) for name in systems]

    return evaluate_all


@pytest.mark.parametrize("ranks", [1, 2])
def test_overlay_adds(run, water, random_potential, random_model, ranks):
    """Two ranks matter: in a hybrid style LAMMPS learns late how long the messages are."""
    architecture = {"n_features": (9, 12)}
    atoms = water(3)
    both, zbl = run(
        ranks, both=(atoms, OVERLAY.format(model=random_model(**architecture))), zbl=(atoms, ZBL)
    )
    expected = reference(random_potential(**architecture), atoms)
    assert np.abs(zbl.forces).max() > 1.0
    for quantity in vars(expected):
        setattr(expected, quantity, getattr(expected, quantity) + getattr(zbl, quantity))
    assert_same(both, expected, 1e-10)


@pytest.mark.parametrize("portable", [False, True])
@pytest.mark.parametrize("ranks", [1, 2])
def test_repulsion_in_the_model_is_that_of_lammps(
    run, water, random_potential, random_model, ranks, portable
):
    """The built-in repulsion equals pair_style zbl beside the same network, in all its ranges."""
    architecture, atoms = {"n_features": (9, 12)}, water(3)
    inside = random_model(portable=portable, zbl=(2.0, 2.5), **architecture)
    overlay = OVERLAY.format(model=random_model(portable=portable, **architecture))
    found, expected = run(ranks, inside=(atoms, hipnn(inside)), overlay=(atoms, overlay))
    distances = atoms.get_all_distances(mic=True)
    assert ((distances > 2.0) & (distances < 2.5)).any()
    assert_same(found, expected, 1e-10)
    repelled = random_potential(zbl=(2.0, 2.5), **architecture)
    assert_same(found, reference(repelled, atoms), 1e-10)
    without = reference(random_potential(**architecture), atoms)
    assert np.abs(found.forces - without.forces).max() > 1.0


@pytest.mark.parametrize("portable", [False, True])
def test_repulsion_of_each_pair(run, water, random_potential, random_model, portable):
    architecture, atoms = {"n_features": (9, 12), "zbl": RADII}, water(3)
    model = random_model(portable=portable, **architecture)
    (found,) = run(2, inside=(atoms, hipnn(model)))
    assert_same(found, reference(random_potential(**architecture), atoms), 1e-10)


@pytest.mark.parametrize(
    ("zbl", "text"),
    [((2.0, 2.5), "ZBL 2 to 2.5 Angstrom"), (RADII, "ZBL below 1.2 to 2.8 Angstrom, by pair")],
)
def test_repulsion_is_printed(tmp_path, water, random_model, zbl, text):
    script = set_up(tmp_path, "water", water(1), hipnn(random_model(zbl=zbl)))
    assert f"cutoff 4 Angstrom, {text}" in lmp(tmp_path, script + "run 0\n").stdout


@pytest.mark.parametrize("ranks", [1, 2])
def test_types_without_an_element(run, water, random_potential, random_model, ranks):
    """Argon comes first in the file, so that the potential's rows differ from LAMMPS's indices."""
    atoms = water(3)
    argon = Atoms("Ar8", positions=np.random.default_rng(1).uniform(0, 9.3, (8, 3)))
    mixed = argon + atoms
    mixed.set_cell(atoms.cell)
    mixed.pbc = True
    pair = f"""
pair_style hybrid hipnn/ts zero 5.0
pair_coeff * * hipnn/ts {random_model()} NULL O H
pair_coeff 1 * zero
"""
    (found,) = run(ranks, mixed=(mixed, pair, ("elements", ("Ar", "O", "H"))))
    assert np.all(found.forces[:8] == 0) and np.all(found.atom_energies[:8] == 0)
    for quantity in ("forces", "atom_energies", "atom_virials"):
        setattr(found, quantity, getattr(found, quantity)[8:])
    assert_same(found, reference(random_potential(), atoms), 1e-10)


def test_two_models_at_once(run, water, random_potential, random_model):
    """Two models add up although their messages and cutoffs differ."""
    atoms = water(3)
    small, wide = {"l_max": 1}, {"n_features": (12, 6), "cutoff": 3.7}
    pair = f"""
pair_style hybrid/overlay hipnn/ts hipnn/ts
pair_coeff * * hipnn/ts 1 {random_model(**small)} O H
pair_coeff * * hipnn/ts 2 {random_model(**wide)} O H
"""
    (found,) = run(2, both=(atoms, pair))
    expected, second = (reference(random_potential(**a), atoms) for a in (small, wide))
    for quantity in vars(expected):
        setattr(expected, quantity, getattr(expected, quantity) + getattr(second, quantity))
    assert_same(found, expected, 1e-10)


def test_bonded_atoms_that_see_each_other(tmp_path, water, random_potential, random_model):
    """`pair_modify special`, which the error advises, restores pairs that special_bonds hides."""
    pair = f"""
special_bonds lj/coul 1e-20 1e-20 1e-20
pair_style hybrid/overlay hipnn/ts zero 4.0
pair_coeff * * hipnn/ts {random_model()} O H
pair_coeff * * zero
pair_modify pair hipnn/ts special lj/coul 1 1 1
create_bonds single/bond 1 1 2
create_bonds single/bond 1 1 3
bond_style zero
bond_coeff *
"""
    room = "extra/bond/types 1 extra/bond/per/atom 2 extra/special/per/atom 4"
    script = set_up(tmp_path, "bonds", water(2), pair, atom_style="full", read_options=room)
    result = lmp(tmp_path, script + evaluate("bonds"), ranks=2)
    assert result.returncode == 0, result.stdout + result.stderr
    expected = reference(random_potential(), water(2))
    assert_same(read_evaluation(tmp_path, "bonds"), expected, 1e-10)


def test_mapping_is_printed_once(tmp_path, water, random_model):
    script = set_up(tmp_path, "water", water(2), hipnn(random_model()), units="real")
    result = lmp(tmp_path, script + "run 0\nrun 0\n", ranks=2)
    assert result.stdout.count("type 1 -> O\n  type 2 -> H\n") == 1
    assert (
        "(fused, float64), elements H O, 2 interaction layers, cutoff 4 Angstrom" in result.stdout
    )
    assert "units real, 2 MPI rank(s) of 1 thread(s), device cpu" in result.stdout


def test_overlay_of_long_range_charges(run, water, random_potential, random_model):
    """Ewald sums over charges, which the network does not use, add to the network's results."""
    atoms = water(3)
    atoms.set_initial_charges([-0.8 if number == 8 else 0.4 for number in atoms.numbers])
    charges = "kspace_style ewald 1e-6\n"
    both = f"""
pair_style hybrid/overlay hipnn/ts coul/long 4.5
pair_coeff * * hipnn/ts {random_model()} O H
pair_coeff * * coul/long
"""
    alone = "pair_style coul/long 4.5\npair_coeff * *\n"
    style = ("atom_style", "charge")
    found, coulomb = run(
        2, both=(atoms, both + charges, style), coulomb=(atoms, alone + charges, style)
    )
    assert np.abs(coulomb.forces).max() > 1.0
    expected = reference(random_potential(), atoms)
    for quantity in vars(expected):
        setattr(expected, quantity, getattr(expected, quantity) + getattr(coulomb, quantity))
    assert_same(found, expected, 1e-10)
