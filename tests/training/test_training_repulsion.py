"""Training with a fixed repulsion: the network learns the rest, and nothing else changes."""

import numpy as np
import pytest
import torch
from test_training_resume import assert_same_model

from hipnn_ts.ase import HIPNNTSCalculator
from hipnn_ts.checkpoint import load_checkpoint, save_checkpoint
from hipnn_ts.data.batch import collate
from hipnn_ts.data.dataset import composition
from hipnn_ts.data.self_energies import fit_self_energies
from hipnn_ts.errors import InputError
from hipnn_ts.export import export_committee, export_potential
from hipnn_ts.model import derivatives
from hipnn_ts.model.potential import Potential
from hipnn_ts.training.config import parse_config
from hipnn_ts.training.fit import train
from hipnn_ts.training.prediction import predict
from hipnn_ts.training.prepare import load_data, prepare
from hipnn_ts.training.repulsion import automatic_radii

pytestmark = pytest.mark.slow

# The range includes bonds, so that the repulsion acts in every molecule.
ZBL = (0.6, 1.9)


@pytest.fixture
def repelled(settings):
    """Function that returns the settings of a short run with a repulsion."""

    def make(**training):
        config = settings(**training)
        return config.model_copy(update={"network": config.network | {"zbl": ZBL}})

    return make


def directly(potential, sample):
    """Return energy (without self-energies) and forces of one sample from the potential itself."""
    receivers, senders = sample.receivers.long(), sample.senders.long()
    vectors = sample.vectors.clone().requires_grad_()
    energies = potential(sample.species, receivers, senders, vectors)
    gradients = derivatives.pair_gradients(energies, vectors)
    forces = derivatives.forces(gradients, receivers, senders, len(sample.species))
    return energies.sum().item(), forces


def test_predictions_are_the_potentials(repelled):
    prepared = prepare(repelled(precision="float64"))
    torch.manual_seed(1)
    potential = Potential(prepared.network).double()
    samples = [prepared.training[index] for index in range(5)]
    prediction, terms = predict(potential, collate(samples), create_graph=False)
    expected = [directly(potential, sample) for sample in samples]
    for found, (energy, _) in zip(prediction.energy, expected, strict=True):
        assert found.item() == pytest.approx(energy, rel=1e-12)
    forces = torch.cat([force for _, force in expected])
    assert forces.abs().max() > 1.0
    torch.testing.assert_close(prediction.forces, forces, rtol=1e-10, atol=1e-10)
    assert abs(terms.sum().item() - prediction.energy.sum().item()) > 1.0


@pytest.mark.parametrize("keep_pairs", [True, False])
def test_self_energies_are_fitted_to_what_it_leaves(repelled, keep_pairs):
    config = repelled()
    config = config.model_copy(
        update={"data": config.data.model_copy(update={"keep_pairs": keep_pairs})}
    )
    prepared = prepare(config)
    frames = load_data(config.data)[0].frames
    repulsion = Potential(prepared.network).repulsion
    energies = []
    for index, frame in enumerate(frames):
        sample = prepared.training[index]
        ends = sample.receivers.long(), sample.senders.long()
        share = repulsion(sample.species, *ends, sample.vectors, len(frame)).sum().item()
        assert share > 0.1
        energies.append(frame.get_potential_energy() - share)
    expected = fit_self_energies(composition(frames, prepared.network.elements), np.array(energies))
    np.testing.assert_allclose(prepared.self_energies.numpy(), expected, rtol=1e-12)


def test_a_run_learns_goes_on_after_a_kill_and_is_exported(repelled, tmp_path, train_until_killed):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    config = repelled(epochs=4, checkpoint_minutes=0, ema_decay=0.5)
    train(config, whole)
    potential, provenance = load_checkpoint(whole / "best.ckpt")
    assert potential.config.zbl == ZBL
    # The repulsion alone gives forces of 5 eV/Å.
    assert provenance["validation_errors"]["forces_rmse"] < 1500

    train_until_killed(config, killed, 50)
    train(config, killed, resume=True)
    assert_same_model(killed, whole)

    sample_frames = load_data(config.data)[1].frames[:3]
    export_potential(potential, tmp_path / "model.pt", provenance)
    prepared = prepare(config)
    for index, frame in enumerate(sample_frames):
        atoms = frame.copy()
        atoms.calc = HIPNNTSCalculator(tmp_path / "model.pt", beyond_training="ignore")
        energy, forces = directly(potential, prepared.validation[index])
        assert atoms.get_potential_energy() == pytest.approx(energy, rel=1e-6)
        np.testing.assert_allclose(atoms.get_forces(), forces.detach(), atol=1e-3)


def test_radii_by_the_data():
    """The radii are 0.85 and 0.95 of the closest approach, but at most 1.5 times the sum of the
    covalent radii (H 0.31 Å, O 0.66 Å), which limits H-H, and O-O, which has no data."""
    found = automatic_radii(["H", "O"], {"H-O": 0.885, "H-H": 1.3}, 5.0)
    assert found == {"H-O": (0.75, 0.84), "H-H": (0.83, 0.93), "O-O": (1.77, 1.98)}
    assert automatic_radii(["Cs"], {}, 5.0) == {"Cs-Cs": (4.25, 4.75)}


def test_atoms_on_top_of_each_other_leave_two_radii():
    assert automatic_radii(("H",), {"H-H": 1e-3}, 5.0) == {"H-H": (0.01, 0.02)}


def test_by_default_it_acts_where_the_data_has_no_atoms(settings):
    prepared = prepare(settings())
    radii = prepared.network.zbl
    assert prepared.resolved["network"]["zbl"] == {pair: list(own) for pair, own in radii.items()}
    closest = prepared.origin["closest_approach"]
    assert all(radii[pair][1] <= 0.95 * distance for pair, distance in closest.items())
    assert radii["H-O"][1] > 0.93 * closest["H-O"]
    repulsion = Potential(prepared.network).repulsion
    for data in (prepared.training, prepared.validation):
        for sample in (data[index] for index in range(len(data))):
            ends = sample.receivers.long(), sample.senders.long()
            energies = repulsion(sample.species, *ends, sample.vectors, len(sample.species))
            assert not energies.any()
    assert any(line.startswith("recipe: a repulsion of nuclei below") for line in prepared.recipe)


def test_none_where_none_is_wanted(settings):
    config = settings()
    prepared = prepare(config.model_copy(update={"network": config.network | {"zbl": None}}))
    assert prepared.network.zbl is None
    assert not any("repulsion" in line for line in prepared.recipe)


@pytest.fixture
def started(settings, tmp_path):
    """Function that changes the radii and the closest approach of a checkpoint and starts a run
    from it; returns the network configurations of both."""

    def tune(zbl, closest, network=None):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        first = load_checkpoint(train(settings(epochs=1), folder / "first"))
        config = first[0].config.model_copy(update={"zbl": zbl(first[0].config.zbl)})
        start = Potential(config)
        start.load_state_dict(first[0].state_dict())
        known = first[1]["closest_approach"] | closest
        save_checkpoint(folder / "start.ckpt", start, {"closest_approach": known})
        given = settings(epochs=1, start_from=str(folder / "start.ckpt")).model_dump(mode="json")
        given["network"] = network or {}
        path = train(parse_config(given, "run.yaml"), folder / "tuned")
        return config, load_checkpoint(path)[0].config

    return tune


def test_fine_tuning_keeps_clear_of_all_data_so_far(started):
    """The checkpoint's data had H-O at 0.5 Å, closer than the new data."""
    old, new = started(lambda own: own | {"H-O": (0.3, 0.45)}, {"H-O": 0.5})
    assert new.zbl == old.zbl


def test_fine_tuning_keeps_clear_of_earlier_validation_data(started):
    """Only the checkpoint's radii record how close atoms were in its validation data."""
    old, new = started(lambda own: own | {"H-O": (0.3, 0.45)}, {})
    assert new.zbl == old.zbl


@pytest.mark.parametrize("radii", [(0.6, 1.9), None])
def test_fine_tuning_keeps_a_repulsion_that_was_learned_beside(started, radii):
    def given(own):
        return radii or own | {"H-O": (0.6, 1.9)}

    old, new = started(given, {})
    assert new.zbl == old.zbl
    for other in (None, "auto", (0.6, 1.8)):
        with pytest.raises(InputError, match=r"network.zbl: expected .*1\.9.*; leave the key out"):
            started(given, {}, network={"zbl": other})


def test_radii_of_other_elements_are_refused(settings):
    config = settings()
    network = config.network | {"zbl": {"H-H": (0.6, 0.9)}}
    with pytest.raises(InputError, match=r"network: zbl: expected radii for each of C-C.*H-H$"):
        prepare(config.model_copy(update={"network": network}))


@pytest.mark.parametrize("given", ["none", True, {}, [], 0.5])
def test_what_is_no_repulsion_is_refused(given):
    content = {"network": {"zbl": given}, "training": {"epochs": 1}}
    with pytest.raises(InputError, match=r"network.zbl: expected auto, null, two radii"):
        parse_config(content, "run.yaml")


def test_a_committee_has_the_shortest_of_its_members(tmp_path, random_potential):
    """Radii of members trained on different frames differ; the committee takes the shortest."""
    radii = [
        {"H-H": (0.6, 0.9), "H-O": (0.5, 0.7), "O-O": (1.2, 1.8)},
        {"H-H": (0.5, 0.8), "H-O": (0.5, 0.8), "O-O": (1.2, 1.8)},
    ]
    potentials = [random_potential(zbl=own) for own in radii]
    members = [(potential, {"closest_approach": {"H-O": 0.89}}) for potential in potentials]
    metadata = export_committee(members, tmp_path / "model.pt")
    assert metadata.network.zbl == {"H-H": (0.5, 0.8), "H-O": (0.5, 0.7), "O-O": (1.2, 1.8)}
    members[1][1]["closest_approach"]["H-O"] = 0.75
    with pytest.raises(InputError, match=r"zbl: expected .* may differ only in their weights"):
        export_committee(members, tmp_path / "model.pt")
