"""Imported HIP-HOP-NN potentials give the same results as hippynn itself, in float64."""

import pytest
import torch
from hippynn.graphs.nodes.networks import HipHopnn
from hippynn_graphs import (
    SIZES,
    assert_same,
    build_graph,
    evaluate,
    evaluate_hippynn,
    random_crystal,
    random_molecules,
    refusal,
)

from hipnn_ts.hippynn import ImportSettings, import_hippynn

SETTINGS = ImportSettings(energy_unit="eV", cutoff=SIZES["dist_hard_max"])

pytestmark = pytest.mark.filterwarnings("ignore")  # hippynn warns that HIP-HOP-NN is beta


def graph_of(l_max, n_max, group_norm=True, **sizes):
    kind = {"l_max": l_max, "n_max": n_max, "group_norm": group_norm}
    return build_graph(l_max, kind=HipHopnn, **kind, **sizes)


def imported(graph, folder, settings=SETTINGS):
    path = folder / "model.pt"
    torch.save(graph.state_dict(), path)
    return import_hippynn(path, settings)[0]


@pytest.mark.parametrize("widths", [(6,), (5, 7), (5, 3, 6)], ids=str)
@pytest.mark.parametrize("group_norm", [True, False])
@pytest.mark.parametrize("n_max", [1, 2, 3, 4])
@pytest.mark.parametrize("l_max", [1, 2, 3])
def test_molecules(tmp_path, l_max, n_max, group_norm, widths):
    graph = graph_of(l_max, n_max, group_norm, n_features=widths)
    potential = imported(graph, tmp_path)
    config = potential.config
    assert (config.invariants, config.l_max) == ("polynomials", l_max)
    assert config.normalised == group_norm
    frames = random_molecules()
    expected_energies, expected_forces = evaluate_hippynn(graph, frames)
    for fused in (False, True):
        energies, forces = evaluate(potential, frames, fused)
        assert_same(energies, expected_energies)
        assert_same(forces, expected_forces)


def test_order_0(tmp_path):
    graph = graph_of(0, 1)
    potential = imported(graph, tmp_path)
    frames = random_molecules()
    energies, forces = evaluate(potential, frames)
    expected_energies, expected_forces = evaluate_hippynn(graph, frames)
    assert_same(energies, expected_energies)
    assert_same(forces, expected_forces)


@pytest.mark.parametrize("resnet", [False, 8])
def test_periodic_box(tmp_path, resnet):
    graph = graph_of(3, 4, periodic=True, resnet=resnet)
    potential = imported(graph, tmp_path)
    frames = [random_crystal()]
    energies, forces = evaluate(potential, frames, fused=True)
    expected_energies, expected_forces = evaluate_hippynn(graph, frames)
    assert_same(energies, expected_energies)
    assert_same(forces, expected_forces)


def test_another_epsilon_of_the_group_norm(tmp_path):
    graph = graph_of(2, 3, group_norm_eps=0.1)
    settings = SETTINGS.model_copy(update={"normalisation_epsilon": 0.1})
    potential = imported(graph, tmp_path, settings)
    frames = random_molecules()
    assert_same(evaluate(potential, frames)[0], evaluate_hippynn(graph, frames)[0])


def test_an_impossible_number_of_polynomials(tmp_path):
    state = graph_of(3, 4).state_dict()
    for key, value in state.items():
        if key.endswith("mixing_weights"):
            state[key] = value[:, :6].contiguous()
    torch.save(state, tmp_path / "model.pt")
    message = refusal(tmp_path / "model.pt", SETTINGS)
    assert "as some number of factors makes of order 3, found 6" in message
