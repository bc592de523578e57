"""The training operator for on-site layers and its derivatives equal plain torch's."""

import pytest
import torch
from comparing import largest
from torch.nn.functional import linear, softplus

SHAPES = {
    "no atoms": (0, 4, 4, 3, 2, False),
    "one layer": (5, 4, 4, 6, 1, False),
    "one of everything": (1, 1, 1, 1, 2, True),
    "another width": (7, 3, 4, 5, 3, True),
    "many atoms": (70, 32, 32, 20, 3, False),
}


def arguments(n_atoms, n_in, n_out, n_middle, n_layers, adjust, dtype=torch.float64, scale=1.0):
    """Return random invariants, features and weights, all leaves."""
    generator = torch.Generator().manual_seed(n_atoms)

    def leaf(*shape, scale=1.0):
        values = torch.randn(*shape, generator=generator, dtype=dtype)
        return (scale / shape[-1] ** 0.5 * values).requires_grad_()

    weights = []
    for width in (n_in, *[n_out] * (n_layers - 1)):
        weights += [leaf(n_middle, width), leaf(n_middle), leaf(n_out, n_middle), leaf(n_out)]
    if adjust:
        weights.append(leaf(n_out, n_in))
    return leaf(n_atoms, n_middle, scale=scale), leaf(n_atoms, n_in, scale=scale), weights


def operator(invariants, features, *weights):
    return torch.ops.hipnn_ts.onsite_layers(invariants, features, list(weights))[0]


def plain(invariants, x, *weights):
    for k in range(len(weights) // 4):
        inner, inner_bias, outer, outer_bias = weights[4 * k : 4 * k + 4]
        hidden = linear(x, inner, inner_bias) + (invariants if k == 0 else 0)
        past = linear(x, weights[-1]) if k == 0 and len(weights) % 4 else x
        x = past + linear(softplus(hidden), outer, outer_bias)
    return x


def as_training_does(layers, leaves, of_features=True):
    """Return the value, all gradients, the inputs' gradients, and gradients of losses that contain
    those, with and without the value itself."""
    inputs = leaves[:2] if of_features else leaves[:1]
    out = layers(*leaves)
    every = torch.autograd.grad((out**2).sum(), leaves, retain_graph=True)
    first = torch.autograd.grad((out**2).sum(), inputs, create_graph=True)
    of_first = sum(each.sin().sum() for each in first)
    found = [out, *every, *first]
    for loss in (of_first, of_first + out.sum(), (first[-1] ** 2).sum()):
        found += torch.autograd.grad(loss, leaves, retain_graph=True, materialize_grads=True)
    return found


def assert_equal(found, expected, tolerance):
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        if a.numel():
            assert (a - b).abs().max() <= tolerance * largest(1.0, b.abs().max().item())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [1.0, 30.0], ids=["", "beyond the threshold"])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 1e-4), (torch.float64, 1e-8)],
    ids=["single", "double"],
)
def test_equals_plain_torch_to_second_derivatives(shape, scale, dtype, tolerance):
    invariants, features, weights = arguments(*SHAPES[shape], dtype, scale)
    leaves = (invariants, features, *weights)
    for of_features in (True, False):
        found, expected = (
            as_training_does(each, leaves, of_features) for each in (operator, plain)
        )
        assert_equal(found, expected, tolerance)


def test_features_that_nobody_differentiates():
    """Second derivatives are right if features and weights are constant, as for one-hot species."""
    invariants, features, weights = arguments(*SHAPES["another width"])
    fixed = [features.detach(), *(each.detach() for each in weights)]
    results = []
    for layers in (operator, plain):
        (first,) = torch.autograd.grad(
            (layers(invariants, *fixed) ** 2).sum(), invariants, create_graph=True
        )
        results.append([first, *torch.autograd.grad(first.sin().sum(), invariants)])
    assert_equal(*results, 1e-10)


@pytest.mark.parametrize("shape", ["one of everything", "another width"])
def test_gradcheck_and_gradgradcheck(shape):
    invariants, features, weights = arguments(*SHAPES[shape])
    assert torch.autograd.gradcheck(operator, (invariants, features, *weights))
    assert torch.autograd.gradgradcheck(operator, (invariants, features, *weights))


def test_gradcheck_of_the_inputs_gradients():
    """As in training, the first derivative is with respect to inputs, the second to all."""
    invariants, features, weights = arguments(*SHAPES["another width"])

    def gradients(*leaves):
        return torch.autograd.grad((operator(*leaves) ** 2).sum(), leaves[:2], create_graph=True)

    assert torch.autograd.gradcheck(gradients, (invariants, features, *weights))


def test_third_derivatives_are_refused():
    invariants, features, weights = arguments(*SHAPES["one layer"])
    out = operator(invariants, features, *weights)
    (first,) = torch.autograd.grad((out**2).sum(), features, create_graph=True)
    with pytest.raises(NotImplementedError, match="third derivatives are not implemented"):
        torch.autograd.grad((first**2).sum(), features, create_graph=True)


@pytest.mark.parametrize(
    ("position", "change", "sentence"),
    [
        ("invariants", lambda t: t[:, 1:], "invariants: expected shape"),
        ("features", lambda t: t[0], "features: expected 2 dimensions"),
        ("features", lambda t: t.long(), "expected float32 or float64 tensors"),
        (0, lambda t: t[:, :2], "inner: expected shape"),
        (0, lambda t: t[0], "inner: expected a matrix"),
        (5, lambda t: t[1:], "inner_bias: expected shape"),
        (6, lambda t: t.float(), "outer: expected Double, found Float"),
        (7, lambda t: t[1:], "outer_bias: expected shape"),
        (12, lambda t: t[:, 1:], "adjust: expected shape"),
    ],
)
def test_bad_arguments_stop_with_one_sentence(position, change, sentence):
    invariants, features, weights = arguments(*SHAPES["another width"])
    given = {"invariants": invariants, "features": features, **dict(enumerate(weights))}
    given[position] = change(given[position].detach())
    with pytest.raises(RuntimeError, match=sentence):
        operator(*given.values())


def test_a_list_of_another_length_is_refused():
    invariants, features, weights = arguments(*SHAPES["another width"])
    with pytest.raises(RuntimeError, match="weights: expected four of each layer"):
        operator(invariants, features, *weights[:-2])
