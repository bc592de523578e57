"""The training operator for pair geometry and its derivatives equal plain torch's."""

import pytest
import torch

from hipnn_ts.model.geometry import fused_pair_geometry, pair_geometry

CUTOFF = 4.0
L_MAX = pytest.mark.parametrize("l_max", range(4))


def vectors(n_pairs, dtype=torch.float64, seed=0):
    """Return random vectors, from 0.6 Å long to beyond the cutoff, as a leaf."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(n_pairs, 3, generator=generator, dtype=dtype)
    lengths = 0.6 + 4.4 * torch.rand(n_pairs, 1, generator=generator, dtype=dtype)
    return (directions / directions.norm(dim=1, keepdim=True) * lengths).requires_grad_()


def all_derivatives(geometry, leaf, l_max):
    """Return values, a gradient, and gradients of a function of it with respect to all inputs."""
    values = geometry(leaf, l_max, CUTOFF)
    generator = torch.Generator().manual_seed(1)
    factors = [
        torch.randn(v.shape, generator=generator, dtype=v.dtype).requires_grad_() for v in values
    ]
    total = sum((f * v).sum() for f, v in zip(factors, values, strict=True))
    (first,) = torch.autograd.grad(total, leaf, create_graph=True)
    second = torch.autograd.grad(
        (first**3).sum(), [leaf, *factors], allow_unused=True, materialize_grads=True
    )
    return [*values, first, *second]


@L_MAX
@pytest.mark.parametrize("n_pairs", [0, 1, 64, 100, 5000])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 3e-5), (torch.float64, 1e-12)],
    ids=["single", "double"],
)
def test_equals_plain_torch_to_second_derivatives(n_pairs, l_max, dtype, tolerance):
    leaf = vectors(n_pairs, dtype)
    found = all_derivatives(fused_pair_geometry, leaf, l_max)
    for a, b in zip(found, all_derivatives(pair_geometry, leaf, l_max), strict=True):
        assert a.shape == b.shape
        if n_pairs:
            assert (a - b).abs().max() <= tolerance * b.abs().max()


@L_MAX
def test_gradcheck_and_gradgradcheck(l_max):
    def operator(leaf):
        return tuple(fused_pair_geometry(leaf, l_max, CUTOFF))

    assert torch.autograd.gradcheck(operator, vectors(6))
    assert torch.autograd.gradgradcheck(operator, vectors(6))


def test_third_derivatives_are_refused():
    leaf = vectors(3)
    total = sum(v.sum() for v in fused_pair_geometry(leaf, 2, CUTOFF))
    (first,) = torch.autograd.grad(total, leaf, create_graph=True)
    with pytest.raises(NotImplementedError, match="third derivatives are not implemented"):
        torch.autograd.grad((first**2).sum(), leaf, create_graph=True)


def test_non_contiguous_vectors():
    leaf = vectors(9)
    strided = leaf.detach().t().contiguous().t()
    assert not strided.is_contiguous()
    for a, b in zip(
        fused_pair_geometry(strided, 2, CUTOFF),
        fused_pair_geometry(leaf.detach(), 2, CUTOFF),
        strict=True,
    ):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((torch.zeros(4, 2), 9, 1.0), "vectors: expected shape"),
        ((torch.zeros(4, 3, dtype=torch.int64), 9, 1.0), "expected float32 or float64 tensors"),
        ((torch.zeros(4, 3), 5, 1.0), "components: expected 1, 4, 9 or 16 of them, found 5"),
    ],
)
def test_bad_arguments_stop_with_one_sentence(arguments, sentence):
    with pytest.raises(RuntimeError, match=sentence):
        torch.ops.hipnn_ts.pair_geometry(*arguments)
