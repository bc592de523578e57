"""What torch asks of a registered operator: schema, autograd, shapes without data."""

import pytest
import torch
from test_moments import form
from test_sensitivities import factors, radial, windows

from hipnn_ts.export.packing import pack_potential

# Without AOT dispatch: it differentiates a sum with ones where gradcheck has random cotangents.
TESTS = ("test_schema", "test_autograd_registration", "test_faketensor")


def moments_arguments():
    """Arguments of the four operators of the family, by name."""
    (y, s, p), (first, count, receivers, senders, n) = form(9, 8)
    g = torch.randn(n, 9, 8, dtype=torch.float64, requires_grad=True)
    pairs = (first, count, receivers, senders)
    return {
        "moments": (y, s, p, *pairs, n),
        "moments_components_gradient": (s, p, g, *pairs),
        "moments_sensitivities_gradient": (y, p, g, *pairs, s.shape[1]),
        "moments_projections_gradient": (y, s, g, *pairs, p.shape[0], p.shape[1]),
    }


def sensitivities_arguments():
    given = radial(n_pairs=9)
    leaves, (first, count, window) = factors(*given), windows(*given)
    gradient = torch.randn(9, window, dtype=torch.float64, requires_grad=True)
    return {
        "active_windows": given,
        "sensitivities": (*leaves, first, count, window),
        "sensitivities_backward": (gradient, *leaves, first, count),
    }


@pytest.mark.parametrize(
    ("name", "arguments"), [*moments_arguments().items(), *sensitivities_arguments().items()]
)
def test_training_operators(name, arguments):
    operator = getattr(torch.ops.hipnn_ts, name).default
    torch.library.opcheck(operator, arguments, test_utils=TESTS)


def test_inference_operator(random_potential):
    potential = random_potential(l_max=2)
    index = torch.tensor([0, 1])
    arguments = (
        index,
        index,
        index.flip(0),
        torch.tensor([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]),
        *pack_potential(potential),
    )
    operator = torch.ops.hipnn_ts.energies_and_pair_gradients.default
    torch.library.opcheck(operator, arguments, test_utils=TESTS)
