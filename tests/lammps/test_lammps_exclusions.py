"""`neigh_modify exclude`: neighbours hidden from each other, and atoms hidden from all others."""

import numpy as np
import pytest
from ase import Atoms
from ase.io import read
from lammps_run import assert_same, evaluate, hipnn, lmp, read_evaluation, reference, set_up

pytestmark = pytest.mark.slow

GROUPS = "group f id 1:9\ngroup g id 10:12\ngroup none empty\ngroup one id 4\n"
MOLECULES = {"atom_style": "full"}


@pytest.mark.parametrize(
    ("exclusion", "arguments"),
    [
        ("type 1 1", {}),
        ("type 1 2", {}),
        ("group f f", {}),
        ("group f g", {}),
        ("group one f", {}),
        ("group all all", {}),
        ("molecule/intra all", MOLECULES),
        ("molecule/inter f", MOLECULES),
    ],
)
def test_hidden_neighbours_are_refused(tmp_path, water, random_model, exclusion, arguments):
    """Without some neighbours the energy would be wrong: by 12 eV for 9 atoms of water."""
    script = set_up(tmp_path, "water", water(2), hipnn(random_model()), **arguments)
    script += f"{GROUPS}neigh_modify exclude {exclusion}\nrun 0\n"
    run = lmp(tmp_path, script, ranks=2)
    assert run.returncode != 0
    errors = [line for line in run.stdout.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1, run.stdout[-2000:] + run.stderr
    assert f"found 'neigh_modify exclude {exclusion}', which hides some" in errors[0]


def test_ghosts_that_are_left_out_are_refused(tmp_path, water, random_model):
    script = set_up(tmp_path, "water", water(2), hipnn(random_model()))
    script += "group h type 2\natom_modify first h\ncomm_modify group h\nrun 0\n"
    run = lmp(tmp_path, script, ranks=2)
    assert run.returncode != 0
    errors = [line for line in run.stdout.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1, run.stdout[-2000:] + run.stderr
    assert "found 'comm_modify group h', which leaves some out" in errors[0]


@pytest.mark.parametrize(
    "exclusion", ["group none none", "group f none", "group one one", "group none all"]
)
def test_what_hides_nothing_is_no_matter(
    tmp_path, water, random_potential, random_model, exclusion
):
    script = set_up(tmp_path, "water", water(2), hipnn(random_model()))
    script += f"{GROUPS}neigh_modify exclude {exclusion}\n" + evaluate("water")
    script += "neigh_modify exclude group f f\nneigh_modify exclude none\n" + evaluate("again")
    run = lmp(tmp_path, script, ranks=2)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr
    expected = reference(random_potential(), water(2))
    assert_same(read_evaluation(tmp_path, "water"), expected, 1e-10)
    assert_same(read_evaluation(tmp_path, "again"), expected, 1e-10)


def test_other_styles_may_exclude_theirs(tmp_path, water, random_potential, random_model):
    """Argon atoms of another style, beside water, may be excluded as neighbours."""
    atoms = water(3)
    argon = Atoms("Ar8", positions=np.random.default_rng(1).uniform(0, 9.3, (8, 3)))
    mixed = argon + atoms
    mixed.set_cell(atoms.cell)
    mixed.pbc = True
    pair = f"""
pair_style hybrid hipnn/ts lj/cut 5.0
pair_coeff * * hipnn/ts {random_model()} NULL O H
pair_coeff 1 * lj/cut 0.01 2.0
group argon type 1
neigh_modify exclude group argon argon
neigh_modify exclude type 1 2
neigh_modify exclude type 1 3
"""
    script = set_up(tmp_path, "mixed", mixed, pair, elements=("Ar", "O", "H"))
    run = lmp(tmp_path, script + evaluate("mixed"), ranks=2)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr
    found = read_evaluation(tmp_path, "mixed")
    for quantity in ("forces", "atom_energies", "atom_virials"):
        setattr(found, quantity, getattr(found, quantity)[8:])
    assert_same(found, reference(random_potential(), atoms), 1e-10)


@pytest.mark.parametrize("ranks", [1, 2])
def test_atoms_hidden_from_all_others_are_absent(
    tmp_path, water, random_potential, random_model, ranks
):
    """A hidden atom contributes nothing, not even its isolated energy, as fix gcmc expects."""
    script = set_up(tmp_path, "water", water(3), hipnn(random_model()))
    script += "group gone id 1:3 40\nneigh_modify exclude group gone all\n" + evaluate("fewer")
    script += "neigh_modify exclude none\n" + evaluate("whole")
    run = lmp(tmp_path, script, ranks)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr
    gone = np.isin(np.arange(81), (0, 1, 2, 39))
    found = read_evaluation(tmp_path, "fewer")
    for quantity in ("forces", "atom_energies", "atom_virials"):
        assert not getattr(found, quantity)[gone].any()
        setattr(found, quantity, getattr(found, quantity)[~gone])
    assert_same(found, reference(random_potential(), water(3)[~gone]), 1e-10)
    whole = reference(random_potential(), water(3))
    assert_same(read_evaluation(tmp_path, "whole"), whole, 1e-10)


@pytest.mark.parametrize("ranks", [1, 2])
def test_grand_canonical_ensemble(tmp_path, random_potential, random_model, ranks):
    """The number of nearly independent atoms is Poisson-distributed around V zz exp(-e/kT).

    The energy that fix gcmc computes without an atom must not contain that atom's own energy e;
    otherwise insertion and deletion are not each other's reverse.
    """
    side, temperature, kt = 44.0, 3000.0, 8.617333262e-5 * 3000.0
    box = Atoms("H", [(1.0, 1.0, 1.0)], cell=[side] * 3, pbc=True)
    potential = random_potential()
    own = reference(potential, box).energy - potential.self_energies[0].item()
    expected = 8.0
    # In LAMMPS zz = fugacity / kT, with bar and Å³ as units.
    fugacity = expected / side**3 * np.exp(own / kt) * kt * 1.6021765e6
    script = set_up(tmp_path, "gas", box, "", elements=("H",))
    script += f"""
pair_style hipnn/ts self_energies no
pair_coeff * * {random_model()} H
neighbor 0.5 bin
fix exchange all gcmc 1 20 0 1 4711 {temperature} 0.0 0.5 pressure {fugacity}
variable n equal atoms
fix record all ave/time 1 1 1 v_n file record
thermo 40
run 40
write_data final.data nocoeff
"""
    script += "unfix exchange\nneigh_modify exclude none\n" + evaluate("end")
    run = lmp(tmp_path, script, ranks)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr
    numbers = np.loadtxt(tmp_path / "record")[10:, 1]
    assert abs(numbers.mean() - expected) < 2.0
    last = read(tmp_path / "final.data", format="lammps-data", atom_style="atomic", units="metal")
    last.pbc = True
    e = reference(potential, last).energy - len(last) * potential.self_energies[0].item()
    np.testing.assert_allclose(read_evaluation(tmp_path, "end").energy, e, rtol=1e-9)
