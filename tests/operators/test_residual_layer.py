"""The on-site layer of training against plain torch, and its derivatives."""

import pytest
import torch
from torch.nn.functional import linear, softplus


def arguments(n_atoms=5, n_features=4, n_middle=6, dtype=torch.float64, scale=1.0):
    """Features, inner weights and bias, outer weights and bias, as leaves."""
    generator = torch.Generator().manual_seed(n_atoms)
    shapes = (n_atoms, n_features), (n_middle, n_features), (n_middle,), (n_features, n_middle)
    return [
        (scale * torch.randn(*shape, generator=generator, dtype=dtype)).requires_grad_()
        for shape in (*shapes, (n_features,))
    ]


def operator(*leaves):
    return torch.ops.hipnn_ts.residual_layer(*leaves)[0]


def plain(x, inner, inner_bias, outer, outer_bias):
    return x + linear(softplus(linear(x, inner, inner_bias)), outer, outer_bias)


def as_training_does(layer, leaves):
    """Value, all gradients, the features' gradient alone, and what a function of it gives."""
    x = leaves[0]
    out = layer(*leaves)
    every = torch.autograd.grad((out**2).sum(), leaves, retain_graph=True)
    (first,) = torch.autograd.grad((out**2).sum(), x, create_graph=True)
    return [out, *every, first, *torch.autograd.grad((first**3).sum() + out.sum(), leaves)]


@pytest.mark.parametrize(
    ("n_atoms", "n_features", "n_middle"), [(0, 4, 3), (1, 1, 1), (70, 32, 20)]
)
@pytest.mark.parametrize("scale", [0.5, 5.0], ids=["", "beyond the threshold"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 1e-4), (torch.float64, 1e-8)],
    ids=["single", "double"],
)
def test_equals_plain_torch_to_second_derivatives(
    n_atoms, n_features, n_middle, scale, dtype, tolerance
):
    leaves = arguments(n_atoms, n_features, n_middle, dtype, scale)
    found, expected = (as_training_does(layer, leaves) for layer in (operator, plain))
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        if a.numel():
            assert (a - b).abs().max() <= tolerance * max(1.0, b.abs().max().item())


def test_gradcheck_and_gradgradcheck():
    assert torch.autograd.gradcheck(operator, arguments())
    assert torch.autograd.gradgradcheck(operator, arguments())


def test_gradgradcheck_of_features_alone():
    """The way that training takes: weights are constants of the first derivative only."""
    x, *weights = arguments()

    def features_gradient(x, *weights):
        return torch.autograd.grad((operator(x, *weights) ** 2).sum(), x, create_graph=True)[0]

    assert torch.autograd.gradcheck(features_gradient, (x, *weights))


def test_third_derivatives_are_refused():
    x, *weights = arguments()
    (first,) = torch.autograd.grad((operator(x, *weights) ** 2).sum(), x, create_graph=True)
    with pytest.raises(NotImplementedError, match="third derivatives are not implemented"):
        torch.autograd.grad((first**2).sum(), x, create_graph=True)


@pytest.mark.parametrize(
    ("position", "change", "sentence"),
    [
        (0, lambda t: t[0], "features: expected 2 dimensions"),
        (0, lambda t: t.long(), "expected float32 or float64 tensors"),
        (1, lambda t: t[:, :2], "inner: expected shape"),
        (2, lambda t: t[1:], "inner_bias: expected shape"),
        (3, lambda t: t.float(), "outer: expected Double, found Float"),
        (4, lambda t: t[1:], "outer_bias: expected shape"),
    ],
)
def test_bad_arguments_stop_with_one_sentence(position, change, sentence):
    given = [t.detach() for t in arguments()]
    given[position] = change(given[position])
    with pytest.raises(RuntimeError, match=sentence):
        torch.ops.hipnn_ts.residual_layer(*given)
