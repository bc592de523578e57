"""Import of experiment folders as hippynn's own training writes them."""

import os
import shutil

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hippynn.databases import Database
from hippynn.experiment import SetupParams, assemble_for_training, setup_and_train
from hippynn.graphs import GraphModule, inputs, loss, networks, physics, targets
from hippynn_graphs import (
    SIZES,
    assert_same,
    evaluate,
    evaluate_hippynn,
    random_molecules,
    refusal,
)

from hipnn_ts.checkpoint import load_checkpoint
from hipnn_ts.cli import main
from hipnn_ts.hippynn import ImportSettings, import_hippynn

pytestmark = pytest.mark.slow

SETTINGS = ImportSettings(energy_unit="kcal/mol", dtype="float64")


def training_data():
    """Return random energies of random molecules: training only has to change the weights."""
    frames = random_molecules() * 4
    longest = max(len(atoms) for atoms in frames)
    data = {
        "Z": np.zeros((len(frames), longest), dtype=np.int64),
        "R": np.zeros((len(frames), longest, 3), dtype=np.float32),
        "T": np.random.default_rng(0).normal(size=(len(frames), 1)).astype(np.float32),
    }
    for row, atoms in enumerate(frames):
        data["Z"][row, : len(atoms)] = atoms.numbers
        data["R"][row, : len(atoms)] = atoms.positions
    return data


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Folder of two epochs of hippynn's own training, and the trained graph in float64."""
    folder = tmp_path_factory.mktemp("experiment")
    species = inputs.SpeciesNode(db_name="Z")
    positions = inputs.PositionsNode(db_name="R")
    network = networks.HipnnQuad(
        "network", (species, positions), module_kwargs=SIZES | {"cusp_reg": 1e-5}
    )
    energy = targets.HEnergyNode("energy", network)
    energy.mol_energy.db_name = "T"
    errors = loss.MSELoss.of_node(energy.mol_energy)
    training, info = assemble_for_training(errors + 1e-6 * loss.l2reg(network), {"MSE": errors})
    parameters = SetupParams(
        device="cpu",
        stopping_key="MSE",
        batch_size=4,
        learning_rate=1e-2,
        max_epochs=2,
        fraction_train_eval=1.0,
    )
    data = Database(
        training_data(), seed=0, test_size=0.1, valid_size=0.2, pin_memory=False, quiet=True, **info
    )
    before = os.getcwd()
    os.chdir(folder)
    try:
        setup_and_train(training, data, parameters)
    finally:
        os.chdir(before)
    forces = physics.GradientNode("forces", (energy.mol_energy, positions), sign=-1)
    graph = GraphModule([species, positions], [energy.atom_energies, forces])
    return folder, graph.double()


def assert_same_as_trained(potential, graph):
    from hipnn_ts.units import ENERGY_UNITS

    frames = random_molecules(seed=11)
    for found, expected in zip(
        evaluate(potential, frames), evaluate_hippynn(graph, frames), strict=True
    ):
        assert_same(found, expected * ENERGY_UNITS["kcal/mol"])


def test_folder(experiment):
    folder, graph = experiment
    potential, provenance = import_hippynn(folder, SETTINGS, trust_pickle=True)
    assert_same_as_trained(potential, graph)
    config = potential.config
    assert config.elements == ("H", "C", "N", "O")
    assert (config.soft_min, config.soft_max, config.cutoff) == (0.8, 3.8, 4.4)
    assert config.cusp_regularisation == 1e-5
    assert list(provenance["files"]) == ["experiment_structure.pt", "best_model.pt"]
    assert provenance["assumed"] == []


def test_command_line(experiment, tmp_path):
    folder, graph = experiment
    output = tmp_path / "imported.ckpt"
    config = tmp_path / "settings.yaml"
    config.write_text("dtype: float64\n")
    arguments = ["import-hippynn", str(folder), "-o", str(output), "--trust"]
    result = CliRunner().invoke(
        main, [*arguments, "--config", str(config), "--energy-unit", "kcal/mol"]
    )
    assert result.exit_code == 0, result.output
    assert "elements H C N O" in result.output
    potential, provenance = load_checkpoint(output)
    assert_same_as_trained(potential, graph)
    assert provenance["energy_unit"] == "kcal/mol"


def test_command_line_without_trust(experiment, tmp_path):
    folder, _ = experiment
    output = tmp_path / "imported.ckpt"
    result = CliRunner().invoke(
        main, ["import-hippynn", str(folder), "-o", str(output), "--energy-unit", "eV"]
    )
    assert result.exit_code == 1
    assert result.output.startswith("hipnn-ts: error: ") and result.output.count("\n") == 1
    assert "runs code stored in the file" in result.output and "--trust" in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def checkpoint_folder(experiment, tmp_path):
    """Folder with a checkpoint but no best model, while torch trusts none of hippynn's classes."""
    for name in ("experiment_structure.pt", "best_checkpoint.pt"):
        shutil.copy(experiment[0] / name, tmp_path)
    # Importing hippynn declares one of its classes safe, which a fresh process has not done.
    before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    yield tmp_path
    torch.serialization.add_safe_globals(before)


def test_folder_with_checkpoint(experiment, checkpoint_folder):
    potential, _ = import_hippynn(checkpoint_folder, SETTINGS, trust_pickle=True)
    assert_same_as_trained(potential, experiment[1])


def test_checkpoint_file(experiment, checkpoint_folder):
    path = checkpoint_folder / "best_checkpoint.pt"
    settings = SETTINGS.model_copy(update={"cutoff": 4.4})
    assert "--trust" in refusal(path, settings)
    potential, _ = import_hippynn(path, settings, trust_pickle=True)
    assert_same_as_trained(potential, experiment[1])


def test_structure_file_is_no_model(experiment):
    message = refusal(experiment[0] / "experiment_structure.pt", SETTINGS, trust_pickle=True)
    assert "expected the state dict" in message and "training_modules" in message


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("experiment_structure.pt", "best_model.pt or best_checkpoint.pt"),
        ("best_model.pt", "experiment_structure.pt"),
    ],
)
def test_incomplete_folder(experiment, tmp_path, name, missing):
    shutil.copy(experiment[0] / name, tmp_path)
    assert f"found no {missing} in it" in refusal(tmp_path, SETTINGS, trust_pickle=True)


def test_contradicting_settings(experiment):
    for update in ({"cutoff": 5.0}, {"elements": ("C", "H", "N", "O")}, {"n_atom_layers": 3}):
        message = refusal(experiment[0], SETTINGS.model_copy(update=update), trust_pickle=True)
        assert f"'{next(iter(update))}' is" in message and "in the settings" in message


def test_damaged_structure(experiment, tmp_path):
    shutil.copy(experiment[0] / "best_model.pt", tmp_path)
    content = (experiment[0] / "experiment_structure.pt").read_bytes()
    (tmp_path / "experiment_structure.pt").write_bytes(content[: len(content) // 2])
    assert "expected a structure that hippynn" in refusal(tmp_path, SETTINGS, trust_pickle=True)
