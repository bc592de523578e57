"""Every refusal of a state dict or its settings is one sentence that says what to do."""

import pytest
import torch
from hippynn_graphs import SIZES, build_graph, refusal

from hipnn_ts.errors import InputError
from hipnn_ts.hippynn import ImportSettings, import_hippynn
from hipnn_ts.hippynn.settings import parse_settings
from hipnn_ts.validation import read_mapping

SETTINGS = ImportSettings(energy_unit="eV", cutoff=SIZES["dist_hard_max"])
NETWORK = "moddict.node16"
READOUT = "moddict.node17"


@pytest.fixture
def state():
    """A valid state dict, which each test spoils."""
    return dict(build_graph(2).state_dict())


def refused(content, folder, settings=SETTINGS):
    path = folder / "model.pt"
    torch.save(content, path)
    return refusal(path, settings)


def copied(state, node, name):
    """Return a copy of a node's entries under another name."""
    below = [key for key in state if key.startswith(f"{node}.")]
    return {key.replace(node, name): state[key].clone() for key in below if "_extra" not in key}


def test_missing_file(tmp_path):
    assert "no such file" in refusal(tmp_path / "model.pt", SETTINGS)


def test_file_that_is_not_torch(tmp_path):
    path = tmp_path / "model.pt"
    path.write_text("pair_style hipnn/ts\n")
    assert "expected the state dict" in refusal(path, SETTINGS)
    path.write_bytes(b"")
    assert "expected the state dict" in refusal(path, SETTINGS)


def test_damaged_file(state, tmp_path):
    path = tmp_path / "model.pt"
    torch.save(state, path)
    path.write_bytes(path.read_bytes()[:-2000])
    assert "expected the state dict" in refusal(path, SETTINGS)


@pytest.mark.parametrize("content", [[1, 2], {"weight": torch.zeros(3)}, torch.zeros(2)], ids=str)
def test_other_torch_file(tmp_path, content):
    assert "expected the state dict" in refused(content, tmp_path)


def test_python_objects_need_trust(state, tmp_path):
    content = {"model": state, "owner": SETTINGS}
    assert "--trust" in refused(content, tmp_path)
    import_hippynn(tmp_path / "model.pt", SETTINGS, trust_pickle=True)


def test_missing_cutoff(state, tmp_path):
    message = refused(state, tmp_path, ImportSettings(energy_unit="eV"))
    assert "does not hold the hard cutoff" in message and "'cutoff'" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("cutoff: 5.0", "'energy_unit' is missing"),
        (
            "energy_unit: Ry",
            "energy_unit: expected 'eV', 'kcal/mol', 'kJ/mol' or 'hartree', found 'Ry'",
        ),
        (
            "energy_unit: eV\nlength_unit: nm",
            "length_unit: expected 'Å', 'angstrom' or 'bohr', found 'nm'",
        ),
        ("energy_unit: eV\ncutoff: -1", "cutoff: expected a value greater than 0, found -1"),
        ("energy_unit: eV\ncut_off: 5.0", "unknown key 'cut_off', expected one of energy_unit, "),
        ("- energy_unit", "expected a mapping of keys to values, found list"),
        ("energy_unit: [", "expected YAML"),
    ],
)
def test_settings_file(tmp_path, content, expected):
    path = tmp_path / "settings.yaml"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        parse_settings(read_mapping(path), str(path))
    assert expected in str(caught.value) and "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_settings(state, tmp_path):
    torch.save(state, tmp_path / "model.pt")
    assert "'energy_unit' is missing" in refusal(tmp_path / "model.pt", None)
    with pytest.raises(InputError, match="cannot be read"):
        import_hippynn(tmp_path / "model.pt", tmp_path / "settings.yaml")


def test_ambiguous_readout(state, tmp_path):
    other = copied(state, READOUT, "moddict.node30")
    other["moddict.node30.layers.1.bias"] += 1.0
    message = refused(state | other, tmp_path)
    assert READOUT in message and "moddict.node30" in message and "'energy_node'" in message
    for chosen, shift in ((READOUT, 0.0), ("node30", 1.0)):
        settings = SETTINGS.model_copy(update={"energy_node": chosen})
        potential, provenance = import_hippynn(tmp_path / "model.pt", settings)
        assert provenance["energy_node"].endswith(chosen)
        expected = state[f"{READOUT}.layers.1.bias"] + shift
        assert torch.equal(potential.readouts[0].bias.detach(), expected)
    unknown = SETTINGS.model_copy(update={"energy_node": "node3"})
    assert "energy_node 'node3'" in refusal(tmp_path / "model.pt", unknown)


def test_ambiguous_network(state, tmp_path):
    other = copied(state, NETWORK, "moddict.node30")
    other["moddict.node30.blocks.0.0.base_layer.vecscales"] += 1.0
    message = refused(state | other, tmp_path)
    assert NETWORK in message and "moddict.node30" in message and "'network_node'" in message
    settings = SETTINGS.model_copy(update={"network_node": "node16"})
    assert import_hippynn(tmp_path / "model.pt", settings)[1]["network_node"] == NETWORK


def test_repeated_network_is_not_ambiguous(state, tmp_path):
    repeated = {
        key.replace(NETWORK, "moddict.node30.network"): value
        for key, value in state.items()
        if key.startswith(NETWORK)
    }
    torch.save(state | repeated, tmp_path / "model.pt")
    assert import_hippynn(tmp_path / "model.pt", SETTINGS)[1]["network_node"] == NETWORK


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("blocks.0.0.base_layer.sensitivity.matching", "SensitivityBottleneck"),
        ("activation.weight", "activation other than softplus"),
        ("blocks.0.0.base_layer.gate", "another kind of network"),
    ],
)
def test_other_networks(state, tmp_path, key, kind):
    message = refused(state | {f"{NETWORK}.{key}": torch.zeros(1).double()}, tmp_path)
    assert f"found entry '{key}' of" in message and kind in message


def test_missing_entry(state, tmp_path):
    del state[f"{NETWORK}.blocks.1.2.res_layer.bias"]
    assert "expected an entry 'blocks.1.2.res_layer.bias'" in refused(state, tmp_path)


def test_no_readout(state, tmp_path):
    message = refused({k: v for k, v in state.items() if READOUT not in k}, tmp_path)
    assert "expected an energy readout (HEnergy)" in message and "found none" in message


def test_atomization_energy(state, tmp_path):
    for layer, width in enumerate(SIZES["n_features"]):
        state[f"{READOUT}.layers.{layer}.weight"] = torch.ones((1, width)).double()
        state.pop(f"{READOUT}.layers.{layer}.bias", None)
    del state[f"{READOUT}.layers.2.weight"], state[f"{READOUT}.layers.2.bias"]
    message = refused(state, tmp_path)
    assert f"(HEnergy) of features of widths [4, 5, 4], found {READOUT}" in message


def test_several_targets(tmp_path):
    state = build_graph(1, readout={"n_target": 3}).state_dict()
    assert "expected one energy, found 3 targets" in refused(state, tmp_path)


def test_weights_that_are_not_finite(state, tmp_path):
    state[f"{NETWORK}.blocks.0.1.base_layer.bias"][0] = float("nan")
    message = refused(state, tmp_path)
    assert "'blocks.0.1.base_layer.bias'" in message and "finite" in message


def test_readout_that_is_not_finite(state, tmp_path):
    state[f"{READOUT}.layers.1.weight"][0, 0] = float("inf")
    message = refused(state, tmp_path)
    assert "'layers.1.weight'" in message and "finite" in message


def test_precisions(state, tmp_path):
    mixed = state | {f"{NETWORK}.blocks.0.1.base_layer.bias": torch.zeros(5)}
    assert "expected float32 or float64 as in all weights, found torch.float32" in refused(
        mixed, tmp_path
    )
    half = {key: v.half() if torch.is_tensor(v) else v for key, v in state.items()}
    assert "as in all weights, found torch.float16" in refused(half, tmp_path)


def test_shapes_that_do_not_fit(state, tmp_path):
    state[f"{NETWORK}.blocks.0.1.res_layer.weight"] = torch.zeros((5, 6)).double()
    message = refused(state, tmp_path)
    assert "the weights do not fit each other" in message and "blocks.0.onsite.0.outer" in message
    state[f"{NETWORK}.blocks.0.0.base_layer.int_weights"] = torch.zeros(5).double()
    assert "with 3 dimensions, found shape (5,)" in refused(state, tmp_path)


def test_cusp_regularisations_differ(state, tmp_path):
    state[f"{NETWORK}.blocks.1.0.base_layer._extra_state"] = {"cusp_reg": 1e-3}
    message = refused(state, tmp_path)
    assert "one cusp regularisation" in message and "[1e-06, 0.001]" in message


@pytest.mark.parametrize(
    ("update", "expected"),
    [
        ({"elements": ("H", "O", "C", "N")}, "'elements' is ('H', 'C', 'N', 'O') in the model"),
        ({"n_atom_layers": 4}, "'n_atom_layers' is 2 in the model, but 4 in the settings"),
        ({"cusp_regularisation": 0.1}, "'cusp_regularisation' is 1e-06 in the model"),
        ({"soft_min": 4.0, "soft_max": 3.0}, "expected soft_min < soft_max"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_contradictions(state, tmp_path, update, expected):
    assert expected in refused(state, tmp_path, SETTINGS.model_copy(update=update))


def test_species(state, tmp_path):
    nameless = {key: value for key, value in state.items() if "species_map" not in key}
    assert "names no species; give 'elements'" in refused(nameless, tmp_path)
    settings = SETTINGS.model_copy(update={"elements": ("H", "C")})
    assert "for each of H C, found 4 input features" in refused(nameless, tmp_path, settings)
    settings = SETTINGS.model_copy(update={"elements": ("H", "C", "N", "Q")})
    assert "'Q' is not a chemical symbol" in refused(nameless, tmp_path, settings)
    other = {"moddict.node30.species_map": torch.tensor([0, 2, 1])}
    message = refused(state | other, tmp_path)
    assert "found moddict.node0, moddict.node30 with different species" in message
