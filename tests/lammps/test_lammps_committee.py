"""Committees in LAMMPS, on one and two ranks: the forces used, and the members' deviations."""

import re

import numpy as np
import pytest
import torch
from ase import Atoms
from committees import combined
from lammps_run import ENERGY, evaluate, lmp, read_evaluation, reference, set_up

pytestmark = pytest.mark.slow

COLUMNS = ("step", "max_devi_v", "min_devi_v", "avg_devi_v", "max_devi_f", "min_devi_f")
RANKS = pytest.mark.parametrize("ranks", [1, 2])


def committee(path, keywords="every 1"):
    return f"pair_style hipnn/ts committee {keywords}\npair_coeff * * {path} O H\n"


def run(folder, script, ranks=1):
    done = lmp(folder, script, ranks)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def refused(folder, script, ranks=1):
    """Return the error message of a run that must fail."""
    done = lmp(folder, script, ranks)
    assert done.returncode != 0, done.stdout[-2000:]
    return re.search(r"ERROR: (.*?)(?: \(\S+:\d+\))?$", done.stdout, re.MULTILINE)[1]


@RANKS
@pytest.mark.parametrize(
    ("units", "architecture"),
    [("metal", {}), ("real", {"n_features": (6,)}), ("metal", {"n_features": (6, 5, 4)})],
)
def test_mean_and_deviations(
    ranks, units, architecture, tmp_path, water, random_members, random_committee
):
    path = random_committee(**architecture)
    atoms = water(3)
    script = set_up(
        tmp_path, "mean", atoms, committee(path, "every 1 file model_devi.out"), units=units
    )
    script += (
        evaluate("mean")
        + """
fix apart all pair 1 hipnn/ts deviation 1
compute p all pair hipnn/ts
thermo_style custom step c_p[5]
dump d all custom 1 apart.dump id f_apart
dump_modify d sort id format float %.17g
run 0
print "$(c_p[5]:%.17g) $(c_p[6]:%.17g) $(c_p[7]:%.17g)" file columns
"""
    )
    run(tmp_path, script, ranks)
    unit = ENERGY[units]
    expected = combined(random_members(**architecture), atoms)
    found = read_evaluation(tmp_path, "mean", units)
    # With units real, LAMMPS's own conversion constants are rounded.
    np.testing.assert_allclose(found.energy, expected.energy, rtol=1e-12)
    np.testing.assert_allclose(found.forces, expected.forces, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.virial, expected.virial, rtol=0, atol=1e-9)
    apart = np.loadtxt(tmp_path / "apart.dump", skiprows=9)[:, 1] / unit
    np.testing.assert_allclose(apart, expected.forces_std, rtol=0, atol=1e-10)
    summary = [expected.forces_std.max(), expected.forces_std.min(), expected.forces_std.mean()]
    np.testing.assert_allclose(np.loadtxt(tmp_path / "columns") / unit, summary, rtol=0, atol=1e-10)
    header = (tmp_path / "model_devi.out").read_text().splitlines()[0]
    assert header.split() == ["#", *COLUMNS, "avg_devi_f"]
    tensor = expected.virial_std[[0, 1, 2, 3, 4, 5, 3, 4, 5]] / len(atoms)
    of_virial = [tensor.max(), tensor.min(), np.sqrt((tensor**2).mean())]
    row = np.loadtxt(tmp_path / "model_devi.out")[0]
    np.testing.assert_allclose(row[1:] / unit, of_virial + summary, rtol=1e-9)


@RANKS
@pytest.mark.parametrize("every", [1, 2])
def test_one_member_drives(ranks, every, tmp_path, water, random_members, random_committee):
    """The other members, evaluated every ``every`` steps, do not affect the dynamics."""
    pair = committee(random_committee(), f"every {every} forces member 2 file model_devi.out")
    script = set_up(tmp_path, "one", water(3), pair) + evaluate("one")
    script += "timestep 0.0005\nvelocity all create 300 1\nfix 1 all nve\nrun 5\n"
    run(tmp_path, script, ranks)
    expected = reference(random_members()[2], water(3))
    found = read_evaluation(tmp_path, "one")
    np.testing.assert_allclose(found.energy, expected.energy, rtol=1e-12)
    np.testing.assert_allclose(found.forces, expected.forces, rtol=0, atol=1e-10)
    table = np.loadtxt(tmp_path / "model_devi.out")
    steps = [0, *range(0, 6, every)]
    np.testing.assert_array_equal(table[:, 0], steps)
    spread = combined(random_members(), water(3)).forces_std.max()
    np.testing.assert_allclose(table[0, 4], spread, rtol=1e-9)


@RANKS
def test_atom_energies_and_heat_flux_are_the_mean(
    ranks, tmp_path, water, random_members, random_committee
):
    atoms = water(3)
    script = set_up(tmp_path, "parts", atoms, committee(random_committee()))
    script += "fix own all pair 1 hipnn/ts energy 0\n" + evaluate("parts")
    script += """
compute c all centroid/stress/atom NULL virial
dump d all custom 1 centroid.dump id f_own c_c[*]
dump_modify d sort id format float %.17g
run 0
"""
    run(tmp_path, script, ranks)
    members = [reference(each, atoms) for each in random_members()]
    energies = np.mean([each.atom_energies for each in members], axis=0)
    found = read_evaluation(tmp_path, "parts")
    np.testing.assert_allclose(found.atom_energies, energies, rtol=0, atol=1e-9)
    virials = np.mean([each.atom_virials for each in members], axis=0)
    np.testing.assert_allclose(found.atom_virials, virials, rtol=0, atol=1e-9)
    table = np.loadtxt(tmp_path / "centroid.dump", skiprows=9)
    np.testing.assert_allclose(table[:, 1], energies, rtol=0, atol=1e-9)
    total = -table[:, 2:8].sum(axis=0) / 1.6021765e6
    np.testing.assert_allclose(total, np.mean([m.virial for m in members], axis=0), atol=1e-8)


def test_without_the_keyword_the_mean_runs(tmp_path, water, random_members, random_committee):
    pair = f"pair_style hipnn/ts\npair_coeff * * {random_committee(torch.float32)} O H\n"
    printed = run(tmp_path, set_up(tmp_path, "mean", water(3), pair) + evaluate("mean"), 2)
    assert "committee of 4, forces of the mean, deviations on request" in printed
    found = read_evaluation(tmp_path, "mean")
    expected = combined(random_members(), water(3))
    np.testing.assert_allclose(found.forces, expected.forces, rtol=0, atol=5e-5)


@RANKS
@pytest.mark.parametrize("architecture", [{}, {"n_features": (6,)}])
def test_beside_other_styles(
    ranks, architecture, tmp_path, water, random_members, random_committee
):
    """Atoms of other styles are ignored. LAMMPS learns late how long the messages are."""
    both = water(3)
    both += Atoms("Ar4", positions=np.random.default_rng(0).uniform(0, 9, (4, 3)))
    pair = f"""
pair_style hybrid/overlay hipnn/ts committee every 1 file model_devi.out lj/cut 3.0
pair_coeff * * hipnn/ts {random_committee(**architecture)} O H NULL
pair_coeff 3 3 lj/cut 0.0 1.0
pair_coeff 1*2 3 lj/cut 0.0 1.0
"""
    script = set_up(tmp_path, "both", both, pair, elements=("O", "H", "Ar"))
    script += "fix apart all pair 1 hipnn/ts deviation 1\n" + evaluate("both")
    script += """
dump d all custom 1 apart.dump id f_apart
dump_modify d sort id format float %.17g
run 0
"""
    run(tmp_path, script, ranks)
    expected = combined(random_members(**architecture), water(3))
    found = read_evaluation(tmp_path, "both")
    np.testing.assert_allclose(found.forces[:-4], expected.forces, rtol=0, atol=1e-10)
    assert (found.forces[-4:] == 0).all()
    apart = np.loadtxt(tmp_path / "apart.dump", skiprows=9)[:, 1]
    np.testing.assert_allclose(apart, [*expected.forces_std, 0, 0, 0, 0], rtol=0, atol=1e-10)
    row = np.loadtxt(tmp_path / "model_devi.out")[0]
    spread = expected.forces_std
    np.testing.assert_allclose(row[4:], [spread.max(), spread.min(), spread.mean()], rtol=1e-9)
    np.testing.assert_allclose(row[1], expected.virial_std.max() / len(spread), rtol=1e-9)


MISTAKES = {
    "every 0": "pair_style hipnn/ts: expected 'committee every N', N above 0, then any of 'forces "
    "mean|member K', 'stop X', 'file NAME' and 'frames NAME above X', found 'committee'",
    "stop 1": "pair_style hipnn/ts: expected 'committee every N', N above 0, then any of 'forces "
    "mean|member K', 'stop X', 'file NAME' and 'frames NAME above X', found 'committee'",
    "every 1 forces member 4": "pair_coeff hipnn/ts: MODEL: expected 'forces member' below 4, "
    "since members count from 0, found 4",
    "every 1 file no/such/folder": "pair_style hipnn/ts: committee: no/such/folder: cannot be "
    "written: No such file or directory",
}


@pytest.mark.parametrize("keywords", MISTAKES)
def test_mistakes(keywords, tmp_path, water, random_committee):
    path = random_committee()
    script = set_up(tmp_path, "wrong", water(2), committee(path, keywords)) + "run 0\n"
    assert refused(tmp_path, script) == MISTAKES[keywords].replace("MODEL", str(path))


def test_a_network_alone_is_no_committee(tmp_path, water, random_model):
    path = random_model()
    script = set_up(tmp_path, "wrong", water(2), committee(path)) + "run 0\n"
    assert refused(tmp_path, script) == (
        f"pair_coeff hipnn/ts: {path}: 'committee' expects several members in one file, found a "
        "single network; make one with 'hipnn-ts export FOLDER -o model.pt'"
    )
