"""The training operator for invariants and its derivatives equal plain torch's."""

from math import isqrt

import pytest
import torch
from derivatives import all_derivatives

from hipnn_ts.operators import reference

CUSP = 1e-3
COMPONENTS = pytest.mark.parametrize("n_components", [1, 4, 9, 16])


def factors(n_components, n_atoms=5, n_features=7, dtype=torch.float64):
    """Return random moments and scales as leaves."""
    generator = torch.Generator().manual_seed(n_components)
    l_max = isqrt(n_components) - 1
    shapes = ((n_atoms, n_components, n_features), (l_max, n_features))
    return [
        torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes
    ]


def with_values(leaves):
    """Return the leaves without empty ones: with l_max 0 there are no scales."""
    return [leaf for leaf in leaves if leaf.numel()]


def both(leaves):
    """Return the operator and plain torch, as functions."""
    return (
        lambda: torch.ops.hipnn_ts.invariants(*leaves, CUSP),
        lambda: reference.invariants(*leaves, CUSP),
    )


@COMPONENTS
@pytest.mark.parametrize(("n_atoms", "n_features"), [(1, 1), (5, 32), (70, 33), (200, 128)])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 3e-5), (torch.float64, 1e-12)],
    ids=["single", "double"],
)
def test_equals_plain_torch_to_second_derivatives(
    n_components, n_atoms, n_features, dtype, tolerance
):
    leaves = factors(n_components, n_atoms, n_features, dtype)
    found, expected = (
        all_derivatives(operator(), with_values(leaves)) for operator in both(leaves)
    )
    for a, b in zip(found, expected, strict=True):
        assert (a - b).abs().max() <= tolerance * b.abs().max()


@COMPONENTS
def test_gradcheck_and_gradgradcheck(n_components):
    leaves = factors(n_components, 3, 2)

    def operator(*leaves):
        return torch.ops.hipnn_ts.invariants(*leaves, CUSP)

    assert torch.autograd.gradcheck(operator, leaves)
    assert torch.autograd.gradgradcheck(operator, leaves)


def test_without_atoms_gradients_of_the_scales_are_zero():
    leaves = factors(9, n_atoms=0)
    out = torch.ops.hipnn_ts.invariants(*leaves, CUSP)
    out.sum().backward()
    assert out.shape == (0, 7)
    assert not leaves[1].grad.any()


def test_constant_scales():
    leaves = factors(9)
    leaves[1].requires_grad_(False)
    found, expected = (all_derivatives(operator(), leaves[:1]) for operator in both(leaves))
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


def test_independent_of_thread_count():
    leaves = factors(9, 500, 32, torch.float32)
    threads = torch.get_num_threads()
    outs = []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            outs.append(all_derivatives(both(leaves)[0](), leaves))
    finally:
        torch.set_num_threads(threads)
    for other in outs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(outs[0], other, strict=True))


@pytest.mark.parametrize(
    ("position", "change", "sentence"),
    [
        (0, lambda t: t[:, :3], "components: expected 1, 4, 9 or 16 of them, found 3"),
        (0, lambda t: t[0], "moments: expected 3 dimensions"),
        (1, lambda t: t[:-1], "scales: expected shape"),
        (1, lambda t: t.float(), "scales: expected Double, found Float"),
    ],
)
def test_bad_arguments_stop_with_one_sentence(position, change, sentence):
    arguments = factors(9)
    arguments[position] = change(arguments[position].detach())
    with pytest.raises(RuntimeError, match=sentence):
        torch.ops.hipnn_ts.invariants(*arguments, CUSP)
