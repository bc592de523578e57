"""Bounds of the architecture's values, and quantities derived from them."""

import pytest
from pydantic import ValidationError

from hipnn_ts.model.config import NetworkConfig
from hipnn_ts.model.potential import Potential

POLYNOMIALS = {"invariants": "polynomials"}
GROUP = POLYNOMIALS | {"normalisation": "group"}
# Key, allowed values, values beyond the bounds, other keys that it needs.
BOUNDS = [
    ("n_features", [(1,), (8192,), (1,) * 64], [(0,), (8193,), (), (1,) * 65], {}),
    ("n_atom_layers", [0, 64], [-1, 65], {}),
    ("n_sensitivities", [1, 1024], [0, 1025], {}),
    ("sensitivity_width", [1e-9, 10.0], [0.0, 10.1], {}),
    ("l_max", [0, 3], [-1, 4], {}),
    ("cusp_regularisation", [1e-30, 1000.0], [0.0, 1001.0, float("inf")], {}),
    ("cutoff", [5.5, 1000.0], [5.4, 1001.0], {}),
    ("soft_max", [0.76, 6.5], [0.75, 6.6], {}),
    ("zbl", [(0.1, 6.5)], [(0.1, 6.6), (2.0, 2.0), (2.0, 1.0), (0.0, 1.0)], {}),
    ("n_max", [1, 4], [0, 5], POLYNOMIALS),
    ("normalisation_epsilon", [1e-9, 1.0], [0.0, 1.1], GROUP),
    ("elements", [("H",), ("H", "O")], [(), ("H", "H"), ("X",), ("h",)], {}),
    ("n_middle_features", [(3, 4)], [(3,), (3, 4, 5)], {}),
]


@pytest.mark.parametrize(("key", "allowed", "beyond", "beside"), BOUNDS, ids=lambda each: str(each))
def test_bounds(key, allowed, beyond, beside):
    base = {"elements": ("H", "O")} | beside
    for value in allowed:
        assert getattr(NetworkConfig(**(base | {key: value})), key) == value
    for value in beyond:
        with pytest.raises(ValidationError):
            NetworkConfig(**(base | {key: value}))


@pytest.mark.parametrize("key", ["n_max", "normalisation", "normalisation_epsilon"])
def test_keys_of_polynomials_want_polynomials(key):
    value = {"n_max": 2, "normalisation": "group", "normalisation_epsilon": 1e-4}[key]
    with pytest.raises(ValidationError, match=f"{key}: expected invariants: polynomials"):
        NetworkConfig(elements=("H",), **{key: value})


def test_epsilon_wants_normalisation():
    with pytest.raises(ValidationError, match="expected normalisation: group beside it"):
        NetworkConfig(elements=("H",), normalisation_epsilon=1e-4, **POLYNOMIALS)


def test_without_residuals_there_is_no_middle():
    same = {"elements": ("H",), "n_features": (4, 5), "residual": False}
    assert NetworkConfig(**same, n_middle_features=(4, 5)).middle_features == (4, 5)
    with pytest.raises(ValidationError, match="without residuals it must equal n_features"):
        NetworkConfig(**same, n_middle_features=(4, 6))


def test_kinds_of_invariants():
    norms, plain, group = (
        NetworkConfig(elements=("H",), **each) for each in ({}, POLYNOMIALS, GROUP)
    )
    assert [each.factors for each in (norms, plain, group)] == [0, 4, 4]
    assert [each.normalised for each in (norms, plain, group)] == [False, False, True]
    assert NetworkConfig(elements=("H",), n_max=2, **POLYNOMIALS).factors == 2
    # Training's configuration contains keys of a network with norms that files leave out.
    assert "invariants" not in norms.model_dump()
    assert norms.for_training()["invariants"] == "norms"
    assert norms.for_training()["sensitivity_width"] is None


def test_defaults():
    """The defaults are a smaller version of the published architecture, with more rounded norms."""
    config = NetworkConfig(elements=("H",))
    assert config.model_dump() == {
        "elements": ("H",),
        "n_features": (32, 32),
        "n_middle_features": None,
        "n_atom_layers": 3,
        "n_sensitivities": 12,
        "l_max": 2,
        "soft_min": 0.75,
        "soft_max": 5.5,
        "cutoff": 6.5,
        "cusp_regularisation": 0.1,
        "residual": True,
    }


@pytest.mark.parametrize("middle", [None, (7, 5)])
def test_weights_of_the_largest_matrices(middle):
    """The number of weights in the largest matrices is below that of all parameters."""
    config = NetworkConfig(
        elements=("H", "C", "O"), n_features=(40, 50), n_middle_features=middle, n_atom_layers=2
    )
    widths = middle or (40, 50)
    expected = 12 * (3 * widths[0] + 40 * widths[1]) + 2 * (40 * widths[0] + 50 * widths[1])
    assert config.n_matrix_elements == expected
    assert expected < sum(each.numel() for each in Potential(config).parameters())
