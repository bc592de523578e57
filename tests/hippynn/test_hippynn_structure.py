"""Properties that only the graph of an experiment shows, and graphs that the import refuses."""

import pytest
import torch
from hippynn.experiment import assemble_for_training
from hippynn.experiment.serialization import create_structure_file
from hippynn.graphs import inputs, loss, networks, physics, targets
from hippynn.layers import hiplayers
from hippynn.layers.physics import QScreening
from hippynn_graphs import SIZES, refusal

from hipnn_ts.hippynn import ImportSettings, import_hippynn

SETTINGS = ImportSettings(energy_unit="eV")


class SquareCutoff(hiplayers.CosCutoff):
    pass


def bottleneck(n_dist, *lengths):
    return hiplayers.SensitivityBottleneck(n_dist, *lengths, n_dist_bare=9)


def other_cutoff(*sizes):
    return hiplayers.InverseSensitivityModule(*sizes, cutoff_type=SquareCutoff)


def write_experiment(folder, make_outputs, network_class=networks.HipnnQuad, change=None, **sizes):
    """Write an untrained hippynn experiment whose loss reads the nodes of ``make_outputs``."""
    species = inputs.SpeciesNode(db_name="Z")
    positions = inputs.PositionsNode(db_name="R")
    network = network_class("network", (species, positions), module_kwargs=SIZES | sizes)
    if change:
        change(network.torch_module)
    errors = 0
    for output in make_outputs(network, positions):
        output.main_output.db_name = output.name
        errors = errors + loss.MSELoss.of_node(output)
    training, _ = assemble_for_training(errors, {"error": errors})
    create_structure_file(training, None, None, folder / "experiment_structure.pt")
    torch.save(training.model.state_dict(), folder / "best_model.pt")
    return folder


def one_energy(network, positions):
    return [targets.HEnergyNode("energy", network)]


def refused(folder, *arguments, **options):
    return refusal(write_experiment(folder, *arguments, **options), SETTINGS, trust_pickle=True)


def test_charges_are_no_energy(tmp_path):
    """Weights alone do not distinguish a charge readout from an energy readout; the graph does."""

    def outputs(network, positions):
        return [targets.HChargeNode("charge", network), *one_energy(network, positions)]

    write_experiment(tmp_path, outputs)
    bare = SETTINGS.model_copy(update={"cutoff": SIZES["dist_hard_max"]})
    assert "expected one energy node" in refusal(tmp_path / "best_model.pt", bare)
    _, provenance = import_hippynn(tmp_path, SETTINGS, trust_pickle=True)
    state = torch.load(tmp_path / "best_model.pt", weights_only=True)
    settings = bare.model_copy(update={"energy_node": provenance["energy_node"]})
    potential, _ = import_hippynn(tmp_path / "best_model.pt", settings)
    expected = state[f"{provenance['energy_node']}.layers.1.weight"]
    assert torch.equal(potential.readouts[0].weight.detach(), expected)


def test_several_energies(tmp_path):
    def outputs(network, positions):
        charge = targets.HChargeNode("charge", network)
        coulomb = physics.ScreenedCoulombEnergyNode(
            "coulomb", charge, 14.4, SIZES["dist_hard_max"], QScreening(p_value=4)
        )
        return [*one_energy(network, positions), coulomb]

    message = refused(tmp_path, outputs)
    assert (
        "(HEnergy)" in message
        and "(ScreenedCoulombEnergy)" in message
        and "'energy_node'" in message
    )
    node = message.split(" (HEnergy)")[0].split()[-1]
    settings = SETTINGS.model_copy(update={"energy_node": node})
    assert import_hippynn(tmp_path, settings, trust_pickle=True)[1]["energy_node"] == node
    settings = SETTINGS.model_copy(update={"energy_node": "node1"})
    message = refusal(tmp_path, settings, trust_pickle=True)
    assert "energy_node 'node1'" in message and "(HEnergy)" in message


def test_network_is_the_one_that_the_energy_reads(tmp_path):
    write_experiment(tmp_path, one_energy)
    settings = SETTINGS.model_copy(update={"network_node": "node1"})
    message = refusal(tmp_path, settings, trust_pickle=True)
    assert "the energy reads network moddict.node16, but network_node is 'node1'" in message


def test_no_energy(tmp_path):
    message = refused(tmp_path, lambda network, _: [targets.HChargeNode("charge", network)])
    assert "expected one energy node, found none" in message


def test_atomization_energy(tmp_path):
    def outputs(network, positions):
        return [targets.AtomizationEnergyNode("energy", network)]

    assert "expected an HEnergy readout, found AtomizationEnergy" in refused(tmp_path, outputs)


@pytest.mark.parametrize(
    ("activation", "found"),
    [(torch.nn.ELU, "found ELU"), (torch.nn.Softplus(beta=2.0), "found Softplus(beta=2.0")],
)
def test_activation(tmp_path, activation, found):
    message = refused(tmp_path, one_energy, activation=activation)
    assert "activation: expected Softplus" in message and found in message


def test_sensitivity(tmp_path):
    message = refused(tmp_path, one_energy, sensitivity_type=bottleneck)
    assert "sensitivity: expected InverseSensitivityModule or Gaussian" in message
    assert "found SensitivityBottleneck" in message


def test_cutoff_function(tmp_path):
    message = refused(tmp_path, one_energy, sensitivity_type=other_cutoff)
    assert "cutoff function: expected CosCutoff, found SquareCutoff" in message


def test_cutoffs_differ(tmp_path):
    def change(network):
        network.sensitivity_layers[1].cutoff.hard_max_dist = 4.0

    assert "one cutoff for all layers, found [4.0, 4.4]" in refused(
        tmp_path, one_energy, change=change
    )


def test_pair_finder_is_shorter_than_cutoff(tmp_path):
    def change(network):
        for layer in network.sensitivity_layers:
            layer.cutoff.hard_max_dist = 5.0

    message = refused(tmp_path, one_energy, change=change)
    assert "cutoff 5.0, found a pair finder that stops at 4.4" in message
