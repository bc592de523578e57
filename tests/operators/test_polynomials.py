"""The training operator for polynomial invariants and its derivatives equal plain torch's."""

import pytest
import torch
from comparing import largest
from scipy.spatial.transform import Rotation

from hipnn_ts.operators import reference

BOUNDS = pytest.mark.parametrize(
    ("l_max", "n_max", "n_kinds"),
    [
        (0, 4, 1),
        (1, 1, 1),
        (1, 2, 2),
        (2, 2, 3),
        (2, 3, 5),
        (2, 4, 6),
        (3, 1, 1),
        (3, 2, 4),
        (3, 3, 7),
        (3, 4, 13),
    ],
)


def moments(l_max, n_atoms=5, n_features=7, dtype=torch.float64):
    generator = torch.Generator().manual_seed(l_max)
    shape = n_atoms, (l_max + 1) ** 2, n_features
    return torch.randn(shape, generator=generator, dtype=dtype).requires_grad_()


def all_derivatives(operator, leaf):
    """Return values, gradients, and gradients of a function of the gradients."""
    out = operator(leaf)
    weights = torch.linspace(0.3, 1.7, out[0].numel(), dtype=leaf.dtype).view(out.shape[1:])
    (first,) = torch.autograd.grad((out * weights).sin().sum(), leaf, create_graph=True)
    return [out, first, *torch.autograd.grad((first**3).sum(), leaf)]


@BOUNDS
@pytest.mark.parametrize(("n_atoms", "n_features"), [(1, 1), (5, 32), (70, 33), (200, 64)])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 1e-4), (torch.float64, 1e-12)],
    ids=["single", "double"],
)
def test_equals_plain_torch_to_second_derivatives(
    l_max, n_max, n_kinds, n_atoms, n_features, dtype, tolerance
):
    leaf = moments(l_max, n_atoms, n_features, torch.float64)
    with torch.no_grad():
        leaf *= 0.2  # so that quartic polynomials are of order one
    expected = all_derivatives(lambda e: reference.polynomials(e, n_max), leaf)
    leaf = leaf.detach().to(dtype).requires_grad_()
    found = all_derivatives(lambda e: torch.ops.hipnn_ts.polynomials(e, n_max), leaf)
    assert found[0].shape == (n_atoms, n_kinds, n_features)
    for a, b in zip(found, expected, strict=True):
        assert (a - b).abs().max() <= tolerance * largest(b.abs().max().item(), 1.0)


@BOUNDS
def test_gradcheck_and_gradgradcheck(l_max, n_max, n_kinds):
    leaf = moments(l_max, 3, 2)

    def operator(leaf):
        return torch.ops.hipnn_ts.polynomials(leaf, n_max)

    assert torch.autograd.gradcheck(operator, leaf)
    assert torch.autograd.gradgradcheck(operator, leaf)


def test_independent_of_rotations_and_mirror_images():
    turn = torch.from_numpy(Rotation.random(rng=3).as_matrix())
    u = torch.nn.functional.normalize(torch.randn(6, 5, 3, dtype=torch.float64), dim=2)
    weights = torch.randn(6, 5, 1, 4, dtype=torch.float64)

    def invariants(u):
        components = reference.tensor_components(u.flatten(0, 1), 3).view(6, 5, 16, 1)
        return reference.polynomials((components * weights).sum(dim=1), 4)

    for moved in (u @ turn, -u @ turn):
        torch.testing.assert_close(invariants(moved), invariants(u), rtol=1e-11, atol=1e-11)


def test_thirteen_are_independent():
    out = reference.polynomials(moments(3, 60, 1), 4).squeeze(2).detach()
    assert torch.linalg.matrix_rank(out / out.norm(dim=0)) == 13


def test_without_atoms():
    leaf = moments(3, n_atoms=0)
    out = torch.ops.hipnn_ts.polynomials(leaf, 4)
    out.sum().backward()
    assert out.shape == (0, 13, 7)
    assert leaf.grad.shape == leaf.shape


@pytest.mark.parametrize(
    ("change", "n_max", "sentence"),
    [
        (lambda t: t[:, :3], 4, "components: expected 1, 4, 9 or 16 of them, found 3"),
        (lambda t: t[0], 4, "moments: expected 3 dimensions"),
        (lambda t: t, 5, "n_max: expected 1 to 4, found 5"),
        (lambda t: t, 0, "n_max: expected 1 to 4, found 0"),
        (lambda t: t.half(), 2, "expected float32 or float64 tensors"),
    ],
)
def test_bad_arguments_stop_with_one_sentence(change, n_max, sentence):
    with pytest.raises(RuntimeError, match=sentence):
        torch.ops.hipnn_ts.polynomials(change(moments(2).detach()), n_max)
