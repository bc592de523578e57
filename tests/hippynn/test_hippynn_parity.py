"""Imported potentials give the same results as hippynn itself, in float64."""

import numpy as np
import pytest
import torch
from hippynn_graphs import (
    SIZES,
    assert_same,
    build_graph,
    evaluate,
    evaluate_hippynn,
    plain,
    random_crystal,
    random_molecules,
)

from hipnn_ts.hippynn import ImportSettings, import_hippynn
from hipnn_ts.units import ENERGY_UNITS, LENGTH_UNITS

SETTINGS = ImportSettings(energy_unit="eV", cutoff=SIZES["dist_hard_max"])


def imported(graph, folder, settings=SETTINGS):
    path = folder / "model.pt"
    torch.save(graph.state_dict(), path)
    return import_hippynn(path, settings)


@pytest.mark.parametrize("n_atom_layers", [0, 2])
@pytest.mark.parametrize("widths", [(6,), (4, 7), (5, 3, 6)], ids=str)
@pytest.mark.parametrize("resnet", [True, False, 8], ids=lambda r: f"resnet={r}")
@pytest.mark.parametrize("sensitivity", ["inverse", "linear"])
@pytest.mark.parametrize("l_max", [0, 1, 2])
def test_molecules(tmp_path, l_max, sensitivity, resnet, widths, n_atom_layers):
    graph = build_graph(
        l_max,
        sensitivity_type=sensitivity,
        resnet=resnet,
        n_features=widths,
        n_atom_layers=n_atom_layers,
    )
    frames = random_molecules()
    potential, _ = imported(graph, tmp_path)
    config = potential.config
    assert (config.n_features, config.l_max, config.residual) == (widths, l_max, bool(resnet))
    assert config.middle_features == ((8,) * len(widths) if resnet == 8 else widths)
    energies, forces = evaluate(potential, frames)
    expected_energies, expected_forces = evaluate_hippynn(graph, frames)
    assert_same(energies, expected_energies)
    assert_same(forces, expected_forces)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("l_max", [0, 1, 2])
def test_periodic_box(tmp_path, l_max, fused):
    graph = build_graph(l_max, periodic=True)
    frames = [random_crystal()]
    potential, _ = imported(graph, tmp_path)
    energies, forces = evaluate(potential, frames, fused)
    expected_energies, expected_forces = evaluate_hippynn(graph, frames)
    assert_same(energies, expected_energies)
    assert_same(forces, expected_forces)


@pytest.mark.parametrize("energy_unit", sorted(ENERGY_UNITS))
@pytest.mark.parametrize("length_unit", sorted(LENGTH_UNITS))
def test_units(tmp_path, energy_unit, length_unit):
    lengths = ("dist_soft_min", "dist_soft_max", "dist_hard_max")
    angstrom = LENGTH_UNITS[length_unit]
    graph = build_graph(2, **{key: SIZES[key] / angstrom for key in lengths})
    settings = ImportSettings(
        energy_unit=energy_unit, length_unit=length_unit, cutoff=SIZES["dist_hard_max"] / angstrom
    )
    potential, provenance = imported(graph, tmp_path, settings)
    frames = random_molecules()
    energies, forces = evaluate(potential, frames)
    for atoms in frames:
        atoms.positions /= angstrom
    expected_energies, expected_forces = evaluate_hippynn(graph, frames)
    factor = ENERGY_UNITS[energy_unit]
    assert_same(energies, expected_energies * factor)
    assert_same(forces, expected_forces * factor / angstrom)
    readout = graph.moddict[provenance["energy_node"].removeprefix("moddict.")]
    expected = readout.layers[0].weight[0].detach() * factor
    np.testing.assert_allclose(potential.self_energies, expected, rtol=1e-15)
    assert potential.config.cutoff == pytest.approx(SIZES["dist_hard_max"], rel=1e-15)
    assert (provenance["energy_unit"], provenance["energy_factor"]) == (energy_unit, factor)
    assert (provenance["length_unit"], provenance["length_factor"]) == (length_unit, angstrom)


def test_without_self_energies(tmp_path):
    graph = build_graph(2, readout={"first_is_interacting": True})
    potential, provenance = imported(graph, tmp_path)
    frames = random_molecules()
    assert not provenance["self_energies"]
    assert not potential.self_energies.any()
    energies, _ = evaluate(potential, frames)
    assert_same(energies, evaluate_hippynn(graph, frames)[0])


def test_total_energy_has_self_energies(tmp_path):
    graph = build_graph(1)
    potential, _ = imported(graph, tmp_path)
    alone = torch.zeros(0, dtype=torch.int64)
    species = torch.arange(4)
    energies = plain(potential)(species, alone, alone, torch.zeros((0, 3), dtype=torch.float64))
    expected, _ = graph(
        torch.tensor([[1], [6], [7], [8]]), torch.zeros((4, 1, 3), dtype=torch.float64)
    )
    assert_same(energies.detach().numpy(), expected.squeeze(1).detach().numpy())


@pytest.mark.parametrize("cusp_reg", [1e-3, 1e-6])
def test_cusp_regularisation_from_file(tmp_path, cusp_reg):
    graph = build_graph(2, cusp_reg=cusp_reg)
    potential, _ = imported(graph, tmp_path)
    assert potential.config.cusp_regularisation == cusp_reg
    frames = random_molecules()
    assert_same(evaluate(potential, frames)[1], evaluate_hippynn(graph, frames)[1])


def test_cusp_regularisation_of_files_without(tmp_path):
    state = {k: v for k, v in build_graph(2).state_dict().items() if "_extra_state" not in k}
    torch.save(state, tmp_path / "old.pt")
    potential, provenance = import_hippynn(tmp_path / "old.pt", SETTINGS)
    assert potential.config.cusp_regularisation == 1e-30
    assert "hippynn" in provenance["cusp_regularisation_from"]
    told = SETTINGS.model_copy(update={"cusp_regularisation": 1e-5})
    potential, provenance = import_hippynn(tmp_path / "old.pt", told)
    assert potential.config.cusp_regularisation == 1e-5
    assert provenance["cusp_regularisation_from"] == "settings"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_is_kept_or_asked_for(tmp_path, dtype):
    graph = build_graph(1).to(dtype)
    potential, _ = imported(graph, tmp_path)
    assert {p.dtype for p in potential.parameters()} == {dtype}
    assert potential.self_energies.dtype == torch.float64
    other = ImportSettings(energy_unit="eV", cutoff=SIZES["dist_hard_max"], dtype="float64")
    potential, _ = imported(graph, tmp_path, other)
    assert {p.dtype for p in potential.parameters()} == {torch.float64}
