"""Files of `hipnn-ts export --metatomic` give the same results in metatomic's engines as ours."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.md.verlet import VelocityVerlet
from click.testing import CliRunner

pytest.importorskip("metatomic.torch", reason="no metatomic: pip install 'hipnn-ts[metatomic]'")
pytest.importorskip("metatomic_ase", reason="no metatomic-ase: pip install 'hipnn-ts[metatomic]'")

from metatensor.torch import Labels
from metatomic.torch import ModelOutput, load_atomistic_model, read_model_metadata
from metatomic_ase import MetatomicCalculator

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import save_checkpoint
from hipnn_ts.cli import main
from hipnn_ts.export import export_potential
from hipnn_ts.export.metatomic import export_metatomic

pytestmark = pytest.mark.slow

CLOSE = {"rtol": 0, "atol": 1e-10}


@pytest.fixture(scope="module")
def both(random_potential, tmp_path_factory):
    """Function that exports a potential; returns the paths of its metatomic file and of ours."""

    def export(dtype=torch.float64, **architecture):
        folder = tmp_path_factory.mktemp("metatomic")
        potential = random_potential(**architecture)
        export_metatomic(potential, folder / "metatomic.pt", {}, dtype)
        export_potential(potential, folder / "ours.pt", {}, False, dtype)
        return folder / "metatomic.pt", folder / "ours.pt"

    return export


def check(theirs, ours, atoms, tolerance=1e-10, stress=True):
    """Check that metatomic's calculator and ours agree."""
    results = []
    for calculator in (
        MetatomicCalculator(str(theirs), check_consistency=True),
        HIPNNTSCalculator(ours),
    ):
        own = atoms.copy()
        own.calc = calculator
        found = {
            "energy": own.get_potential_energy(),
            "energies": own.get_potential_energies(),
            "forces": own.get_forces(),
        }
        if stress:
            found["stress"] = own.get_stress()
        results.append(found)
    for name, value in results[1].items():
        np.testing.assert_allclose(results[0][name], value, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize(
    "architecture",
    [
        {},
        {"l_max": 0},
        {"l_max": 1},
        {"invariants": "polynomials", "l_max": 3, "n_max": 3},
        {"zbl": (0.6, 1.2)},
        {"n_features": (8, 6, 5)},
    ],
    ids=str,
)
def test_liquids_equal_ours(architecture, both, water):
    atoms = water(2)
    atoms.set_cell(atoms.cell.array + np.array([[0, 0, 0], [0.4, 0, 0], [0.2, -0.3, 0]]), True)
    check(*both(**architecture), atoms)


def test_other_systems_equal_ours(both, water):
    """Small cells, cells that change, molecules and a single atom agree."""
    files = both()
    check(*files, water(1))
    for k in range(2):
        atoms = water(2)
        atoms.set_cell(atoms.cell.array * (1 + 0.02 * k), True)
        check(*files, atoms)
    for name in ("H2O", "H2O2", "O"):
        check(*files, molecule(name), stress=False)


@pytest.mark.quick
def test_single_precision(both, water):
    """Only the network is in single precision; energies with self-energies are in double."""
    files = both(torch.float32)
    atoms = water(2)
    check(*files, atoms, tolerance=2e-5)
    assert load_atomistic_model(files[0]).capabilities().dtype == "float64"


def test_dynamics_is_ours(both, water):
    theirs, ours = both()
    moved = []
    for calculator in (MetatomicCalculator(str(theirs)), HIPNNTSCalculator(ours)):
        atoms = water(2)
        atoms.calc = calculator
        VelocityVerlet(atoms, 0.25 * units.fs).run(20)
        moved.append(atoms.positions)
    assert np.abs(moved[0] - water(2).positions).max() > 0.01
    np.testing.assert_allclose(*moved, rtol=0, atol=1e-9)


def test_several_systems_and_selected_atoms(both, water):
    theirs, ours = both()
    structures = [water(2), water(1), water(2)[:6]]
    calculator = MetatomicCalculator(str(theirs), check_consistency=True)
    expected = []
    for atoms in structures:
        atoms.calc = HIPNNTSCalculator(ours)
        expected.append(atoms.get_potential_energies())

    def energies(kind, selected=None):
        wanted = {"energy": ModelOutput(unit="eV", sample_kind=kind)}
        found = calculator.run_model(structures, wanted, selected)["energy"].block()
        return found.values.detach().numpy().ravel(), found.samples

    found, _ = energies("system")
    np.testing.assert_allclose(found, [each.sum() for each in expected], **CLOSE)
    found, samples = energies("atom")
    assert samples.names == ["system", "atom"]
    np.testing.assert_allclose(found, np.concatenate(expected), **CLOSE)
    some = Labels(["system", "atom"], torch.tensor([[2, 5], [0, 3], [0, 7]]))
    found, samples = energies("atom", some)
    assert (samples.values == some.values).all()
    np.testing.assert_allclose(found, [expected[2][5], expected[0][3], expected[0][7]], **CLOSE)
    found, _ = energies("system", some)
    sums = [expected[0][3] + expected[0][7], 0.0, expected[2][5]]
    np.testing.assert_allclose(found, sums, **CLOSE)


def test_units_of_an_engine(both, water):
    """An engine may use bohr and hartree."""
    from metatomic.torch import ModelEvaluationOptions, System
    from vesin.metatomic import compute_requested_neighbors

    theirs, ours = both()
    atoms = water(2)
    system = System(
        torch.from_numpy(atoms.numbers).to(torch.int32),
        torch.from_numpy(atoms.positions / units.Bohr),
        torch.from_numpy(atoms.cell.array / units.Bohr),
        torch.ones(3, dtype=torch.bool),
    )
    model = load_atomistic_model(theirs)
    compute_requested_neighbors(system, "bohr", model)
    options = ModelEvaluationOptions("bohr", {"energy": ModelOutput(unit="Hartree")})
    found = model([system], options, check_consistency=True)["energy"].block().values
    atoms.calc = HIPNNTSCalculator(ours)
    expected = atoms.get_potential_energy()
    # metatomic's unit constants differ slightly from ASE's.
    np.testing.assert_allclose(found.item() * units.Hartree, expected, rtol=1e-7)


def test_what_the_file_says(both):
    theirs, _ = both()
    model = load_atomistic_model(theirs)
    capabilities = model.capabilities()
    assert capabilities.atomic_types == [1, 8]
    assert capabilities.length_unit == "angstrom"
    assert capabilities.supported_devices == ["cpu"]
    assert capabilities.interaction_range == 2 * 4.0
    assert capabilities.outputs["energy"].unit == "eV"
    assert capabilities.outputs["energy"].sample_kind == "atom"
    (pairs,) = model.requested_neighbor_lists()
    assert (pairs.cutoff, pairs.full_list, pairs.strict) == (4.0, True, True)
    metadata = read_model_metadata(str(theirs))
    assert metadata.name == "HIP-NN-TS"
    assert "elements H O, cutoff 4 Å, network in float64" in metadata.description
    assert json.loads(metadata.extra["network"])["cutoff"] == 4.0


ALONE = """
import sys
sys.modules["hipnn_ts"] = None
import torch
from ase.io import read
from metatomic_ase import MetatomicCalculator
atoms = read("atoms.xyz")
atoms.calc = MetatomicCalculator(sys.argv[1])
print(repr(float(atoms.get_potential_energy())))
assert not any("hipnn" in library for library in torch.ops.loaded_libraries)
"""


def test_runs_without_this_package(both, water, tmp_path):
    theirs, ours = both()
    atoms = water(2)
    atoms.write(tmp_path / "atoms.xyz", format="extxyz")
    with zipfile.ZipFile(theirs) as archive:
        names = archive.namelist()
        assert not [name for name in names if name.endswith(".debug_pkl")]
        (extensions,) = (name for name in names if name.endswith("/extra/extensions"))
        assert json.loads(archive.read(extensions)) == []
    command = [sys.executable, "-c", ALONE, str(theirs)]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    atoms.calc = HIPNNTSCalculator(ours)
    np.testing.assert_allclose(float(run.stdout), atoms.get_potential_energy(), rtol=1e-9)


def test_torchsim(both, water):
    """TorchSim's interface to metatomic models gives the same results."""
    ts = pytest.importorskip("torch_sim", reason="no TorchSim: pip install 'hipnn-ts[torchsim]'")
    from torch_sim.models.metatomic import MetatomicModel

    theirs, ours = both()
    model = MetatomicModel(str(theirs), device="cpu", check_consistency=True)
    structures = [water(2), water(1)]
    state = ts.io.atoms_to_state(structures, torch.device("cpu"), torch.float64)
    found = {name: each.detach() for name, each in model(state).items()}
    first = 0
    for k, atoms in enumerate(structures):
        atoms.calc = HIPNNTSCalculator(ours)
        np.testing.assert_allclose(found["energy"][k], atoms.get_potential_energy(), **CLOSE)
        forces = found["forces"][first : first + len(atoms)]
        first += len(atoms)
        np.testing.assert_allclose(forces, atoms.get_forces(), **CLOSE)
        stress = atoms.get_stress(voigt=False)
        np.testing.assert_allclose(found["stress"][k], stress, **CLOSE)


def test_an_unknown_element(both):
    atoms = bulk("Si")
    atoms.calc = MetatomicCalculator(str(both()[0]))
    with pytest.raises(Exception, match="does not support the atomic type '14'"):
        atoms.get_potential_energy()


def test_the_command(random_potential, tmp_path, water):
    checkpoint, output = tmp_path / "best.ckpt", tmp_path / "model.pt"
    save_checkpoint(checkpoint, random_potential(), {})
    command = ["export", str(checkpoint), "-o", str(output), "--metatomic"]
    result = CliRunner().invoke(main, [*command, "--dtype", "float32"])
    assert result.exit_code == 0, result.output
    assert "metatomic, elements H O, cutoff 4 Å" in result.output
    atoms = water(2)
    atoms.calc = MetatomicCalculator(str(output))
    assert np.isfinite(atoms.get_potential_energy())
    result = CliRunner().invoke(main, [*command, "--portable"])
    assert result.exit_code == 1
    assert "expected --portable or --metatomic, found both" in result.output


def test_a_folder_that_is_not_there(random_potential, tmp_path):
    from hipnn_ts.errors import InputError

    with pytest.raises(InputError, match="cannot be written: No such file"):
        export_metatomic(random_potential(), tmp_path / "none" / "model.pt", {})


def test_a_file_that_does_not_reproduce_the_model(random_potential, tmp_path, monkeypatch):
    """Export writes nothing if the exported energies differ from the model's."""
    from hipnn_ts.errors import InputError
    from hipnn_ts.export import metatomic

    class Wrong(metatomic.MetatomicPotential):
        def __init__(self, potential, dtype):
            super().__init__(potential, dtype)
            self.potential.self_energies += 1e-6

    monkeypatch.setattr(metatomic, "MetatomicPotential", Wrong)
    with pytest.raises(InputError, match="exported energies differ from the model by 1"):
        export_metatomic(random_potential(), tmp_path / "model.pt", {})
    assert not list(tmp_path.iterdir())


def test_no_atoms_but_one(both):
    """A lone atom, without any neighbour, agrees."""
    check(*both(), Atoms("O"), stress=False)
