"""The operators pass torch's checks of schema, autograd registration and fake tensors."""

import pytest
import torch
from documents import format_1_parts
from test_geometry import vectors
from test_invariants import factors as invariants_factors
from test_moments import form
from test_onsite_layers import SHAPES
from test_onsite_layers import arguments as layer_arguments
from test_sensitivities import factors, radial, windows

from hipnn_ts.export.packing import document_of_potential

# AOT dispatch is left out: it only differentiates a sum, where gradcheck uses random cotangents.
TESTS = ("test_schema", "test_autograd_registration", "test_faketensor")


def moments_arguments():
    """Return the arguments of the two operators for moments, with their names."""
    (y, s, p), (*pairs, n) = form(9, 8)
    g = torch.randn(n, 9, 8, dtype=torch.float64, requires_grad=True)
    return [
        ("moments", (y, s, p, *pairs, n)),
        ("moments_backward", (g, y, s, p, *pairs, [True, True, True])),
        ("moments_backward", (g, y, s, p, *pairs, [True, False, False])),
    ]


def sensitivities_arguments():
    given = radial(n_pairs=9)
    leaves, (first, count, window) = factors(*given), windows(*given)
    gradient = torch.randn(9, window, dtype=torch.float64, requires_grad=True)
    return {
        "active_windows": given,
        "sensitivities": (*leaves, first, count, window),
        "sensitivities_backward": (gradient, *leaves, first, count),
    }


def atom_and_pair_arguments():
    leaf, leaves = vectors(9), invariants_factors(9)
    along = [torch.randn(9, *rest, dtype=torch.float64, requires_grad=True) for rest in ((),) * 3]
    along.append(torch.randn(9, 9, dtype=torch.float64, requires_grad=True))
    gradient = torch.randn(5, 7, dtype=torch.float64, requires_grad=True)
    return {
        "pair_geometry": (leaf, 9, 4.0),
        "pair_geometry_backward": (*along, leaf, 4.0),
        "invariants": (*leaves, 1e-3),
        "invariants_backward": (gradient, *leaves, 1e-3),
        "onsite_layers": layer_arguments(*SHAPES["another width"]),
    }


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *moments_arguments(),
        *sensitivities_arguments().items(),
        *atom_and_pair_arguments().items(),
    ],
)
def test_training_operators(name, arguments):
    operator = getattr(torch.ops.hipnn_ts, name).default
    torch.library.opcheck(operator, arguments, test_utils=TESTS)


def inference_arguments():
    index = torch.tensor([0, 1])
    vectors = torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
    return index, index, index.flip(0), vectors


def test_inference_operator(random_potential):
    arguments = (*inference_arguments(), document_of_potential(random_potential()))
    # No fake tensors: without data the document does not tell the precision of the result.
    torch.library.opcheck(torch.ops.hipnn_ts.evaluate.default, arguments, test_utils=TESTS[:2])


def test_inference_operator_of_format_1(random_potential):
    arguments = (*inference_arguments(), *format_1_parts(random_potential(), torch.float64))
    operator = torch.ops.hipnn_ts.energies_and_pair_gradients.default
    torch.library.opcheck(operator, arguments, test_utils=TESTS)
