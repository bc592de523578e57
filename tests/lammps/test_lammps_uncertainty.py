"""Force uncertainty in LAMMPS equals plain NumPy's on 1, 2 and 4 ranks; nothing else changes."""

import numpy as np
import pytest
import torch
from ase import Atoms
from lammps_run import ENERGY, evaluate, lmp, read_evaluation, reference, set_up
from test_lammps_committee import refused, run
from uncertainties import expected

pytestmark = pytest.mark.slow

RANKS = pytest.mark.parametrize("ranks", [1, 2, 4])


def uncertain(path, keywords="every 1"):
    return f"pair_style hipnn/ts uncertainty {keywords}\npair_coeff * * {path} O H\n"


OF_ATOMS = """
fix apart all pair 1 hipnn/ts uncertainty 1
compute p all pair hipnn/ts
thermo_style custom step c_p[5]
dump a all custom 1 apart.dump id f_apart
dump_modify a sort id format float %.17g
run 0
print "$(c_p[5]:%.17g) $(c_p[6]:%.17g) $(c_p[7]:%.17g)" file columns
"""


@RANKS
@pytest.mark.parametrize(
    ("units", "architecture"),
    [
        ("metal", {}),
        ("real", {"n_features": (6,)}),
        ("metal", {"n_features": (7, 5, 33)}),
        ("metal", {"invariants": "polynomials"}),
    ],
)
def test_as_by_hand(
    ranks, units, architecture, tmp_path, water, random_potential, random_uncertainty,
    uncertain_model,
):  # fmt: skip
    """Uncertainties per atom and their summaries are right; energies and forces do not change."""
    potential, own = random_potential(**architecture), random_uncertainty(**architecture)
    atoms = water(3)
    pair = uncertain(uncertain_model(**architecture), "every 1 file model_devi.out")
    script = set_up(tmp_path, "all", atoms, pair, units=units) + evaluate("all") + OF_ATOMS
    printed = run(tmp_path, script, ranks)
    assert "  force uncertainty every 1 step(s)" in printed
    unit, plain = ENERGY[units], reference(potential, atoms)
    found = read_evaluation(tmp_path, "all", units)
    np.testing.assert_allclose(found.energy, plain.energy, rtol=1e-12)
    np.testing.assert_allclose(found.forces, plain.forces, rtol=0, atol=1e-10)
    by_hand = expected(potential, own, atoms)
    apart = np.loadtxt(tmp_path / "apart.dump", skiprows=9)[:, 1] / unit
    np.testing.assert_allclose(apart, by_hand, rtol=1e-11, atol=1e-10)
    summary = [by_hand.max(), by_hand.min(), by_hand.mean()]
    np.testing.assert_allclose(np.loadtxt(tmp_path / "columns") / unit, summary, rtol=1e-11)
    row = np.loadtxt(tmp_path / "model_devi.out")[0]
    np.testing.assert_allclose(row[4:] / unit, summary, rtol=1e-9)
    assert np.isnan(row[1:4]).all()


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_nothing_else_changes(ranks, dtype, tmp_path, water, uncertain_model):
    """The trajectory is the same to the last bit with and without the uncertainty."""
    dumps = []
    for keywords in ("", "uncertainty every 2"):
        pair = f"pair_style hipnn/ts {keywords}\npair_coeff * * {uncertain_model(dtype)} O H\n"
        script = set_up(tmp_path, "run", water(3), pair)
        script += """
velocity all create 600 1 mom yes dist gaussian loop all
timestep 0.0005
fix 1 all nve
dump d all custom 1 run.dump id x y z fx fy fz
dump_modify d sort id format float %.17g
thermo 1
run 4
"""
        run(tmp_path, script, ranks)
        dumps.append((tmp_path / "run.dump").read_text())
    assert dumps[0] == dumps[1]


@pytest.mark.parametrize("ranks", [1, 4])
def test_beside_other_styles_and_empty_ranks(
    ranks, tmp_path, water, random_potential, random_uncertainty, uncertain_model
):
    """Atoms of other styles are ignored; the network's atoms fill one corner of a large box."""
    atoms = water(1)
    atoms.set_cell(np.eye(3) * 24)
    both = atoms + Atoms("Ar4", positions=np.array([[15.0, 15, 15]] * 4) + 4 * np.eye(4)[:, :3])
    pair = f"""
pair_style hybrid/overlay hipnn/ts uncertainty every 1 file model_devi.out lj/cut 3.0
pair_coeff * * hipnn/ts {uncertain_model()} O H NULL
pair_coeff 3 3 lj/cut 0.0 1.0
pair_coeff 1*2 3 lj/cut 0.0 1.0
"""
    script = set_up(tmp_path, "both", both, pair, elements=("O", "H", "Ar")) + OF_ATOMS
    run(tmp_path, script, ranks)
    by_hand = expected(random_potential(), random_uncertainty(), atoms)
    apart = np.loadtxt(tmp_path / "apart.dump", skiprows=9)[:, 1]
    np.testing.assert_allclose(apart, [*by_hand, 0, 0, 0, 0], rtol=1e-11, atol=1e-10)
    row = np.loadtxt(tmp_path / "model_devi.out", ndmin=2)[0]
    np.testing.assert_allclose(row[4:], [by_hand.max(), by_hand.min(), by_hand.mean()], rtol=1e-9)


WORDS = "then any of 'stop X', 'file NAME' and 'frames NAME above X', found"
MISTAKES = {
    "uncertainty every 0": "pair_style hipnn/ts: expected 'uncertainty every N', N above 0, "
    f"{WORDS} 'uncertainty'",
    "uncertainty forces mean": "pair_style hipnn/ts: expected 'uncertainty every N', N above 0, "
    f"{WORDS} 'forces'",
    "uncertainty every 1 committee every 1": "pair_style hipnn/ts: expected 'committee' or "
    "'uncertainty', found both",
    "uncertainty every 1 file no/such": "pair_style hipnn/ts: uncertainty: no/such: cannot be "
    "written: No such file or directory",
    "committee every 1": "pair_coeff hipnn/ts: MODEL: 'committee' expects several members in one "
    "file, found a single network; make one with 'hipnn-ts export FOLDER -o model.pt'",
}


@pytest.mark.parametrize("keywords", MISTAKES)
def test_mistakes(keywords, tmp_path, water, uncertain_model):
    pair = f"pair_style hipnn/ts {keywords}\npair_coeff * * {uncertain_model()} O H\n"
    script = set_up(tmp_path, "wrong", water(2), pair) + "run 0\n"
    found = refused(tmp_path, script)
    assert found == MISTAKES[keywords].replace("MODEL", str(uncertain_model()))


FILES = {
    "portable": "a fused file, found a portable one; export it again without --portable",
    "committee": "a single network, found a committee, whose members 'committee every N' "
    "compares; use that",
    "plain": "a file with force uncertainty, found one without; export a checkpoint of training "
    "with forces among its validation data, and without --no-uncertainty",
}


@pytest.mark.parametrize("kind", FILES)
def test_files_without(kind, tmp_path, water, random_model, random_committee):
    path = {
        "portable": lambda: random_model(portable=True),
        "committee": random_committee,
        "plain": random_model,
    }[kind]()
    script = set_up(tmp_path, "wrong", water(2), uncertain(path)) + "run 0\n"
    sentence = f"pair_coeff hipnn/ts: {path}: 'uncertainty' expects {FILES[kind]}"
    assert refused(tmp_path, script) == sentence


def test_fix_pair_of_a_file_without(tmp_path, water, random_model):
    pair = f"pair_style hipnn/ts\npair_coeff * * {random_model()} O H\n"
    script = set_up(tmp_path, "wrong", water(2), pair)
    script += "fix apart all pair 1 hipnn/ts uncertainty 1\nrun 0\n"
    done = lmp(tmp_path, script)
    assert done.returncode != 0
    assert "ERROR: " in done.stdout + done.stderr
