"""The training operators for moments and their derivatives equal plain torch's."""

import pytest
import torch
from derivatives import all_derivatives

from hipnn_ts.operators import reference

N_ATOMS, N_SENSITIVITIES = 5, 6


def form(n_components, n_features, window=3, n_pairs=17, dtype=torch.float64, n_receivers=4):
    """Return random factors and indices of the moments; the last atom only sends."""
    generator = torch.Generator().manual_seed(n_components * 100 + n_features)

    def random(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()

    def index(limit, kind=torch.int64):
        return torch.randint(0, limit, (n_pairs,), generator=generator).to(kind)

    factors = (
        random(n_pairs, n_components),
        random(n_pairs, window),
        random(N_ATOMS, N_SENSITIVITIES, n_features),
    )
    first = index(N_SENSITIVITIES - window + 1, torch.int32)
    count = index(window + 1, torch.int32)
    return factors, (first, count, index(n_receivers), index(N_ATOMS), n_receivers)


def expected(components, sensitivities, projections, first, count, receivers, senders, n_receivers):
    """Return the reference moments, with sensitivities spread from windows to all columns."""
    columns = first.long().unsqueeze(1) + torch.arange(sensitivities.shape[1])
    inside = torch.arange(sensitivities.shape[1]) < count.unsqueeze(1)
    sensitivities = torch.where(inside, sensitivities, torch.zeros_like(sensitivities))
    dense = sensitivities.new_zeros(len(first), projections.shape[1])
    dense = dense.scatter_add(1, columns, sensitivities)
    return reference.moments(components, dense, projections, receivers, senders, n_receivers)


@pytest.mark.parametrize("n_components", [1, 4, 9, 16])
@pytest.mark.parametrize("n_features", [1, 3, 16, 20, 31, 32, 64, 100, 128, 300])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 3e-5), (torch.float64, 1e-12)],
    ids=["single", "double"],
)
def test_equals_reference_to_second_derivatives(n_components, n_features, dtype, tolerance):
    factors, indices = form(n_components, n_features, dtype=dtype)
    found = all_derivatives(torch.ops.hipnn_ts.moments(*factors, *indices), factors)
    for a, b in zip(found, all_derivatives(expected(*factors, *indices), factors), strict=True):
        assert (a - b).abs().max() <= tolerance * b.abs().max()


@pytest.mark.parametrize("constant", range(3))
def test_second_derivatives_where_one_factor_is_constant(constant):
    factors, indices = form(9, 20)
    leaves = [f for f in factors if f is not factors[constant]]
    factors[constant].requires_grad_(False)
    derivatives = []
    for operator in (torch.ops.hipnn_ts.moments, expected):
        out = operator(*factors, *indices)
        first = torch.autograd.grad((out**2).sum(), leaves, create_graph=True)
        derivatives.append(torch.autograd.grad(sum((g**3).sum() for g in first), leaves))
    for a, b in zip(*derivatives, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11 * b.abs().max().item())


@pytest.mark.parametrize("n_components", [1, 4, 9, 16])
def test_gradcheck_and_gradgradcheck(n_components):
    factors, indices = form(n_components, 3, n_pairs=7)

    def operator(*factors):
        return torch.ops.hipnn_ts.moments(*factors, *indices)

    assert torch.autograd.gradcheck(operator, factors)
    assert torch.autograd.gradgradcheck(operator, factors)


def test_gradients_have_derivatives_of_their_own():
    factors, indices = form(4, 3, n_pairs=5)
    generator = torch.Generator().manual_seed(1)
    gradient = torch.randn(4, 4, 3, generator=generator, dtype=torch.float64, requires_grad=True)

    def operator(*arguments):
        return torch.ops.hipnn_ts.moments_backward(*arguments, *indices[:-1], [True, True, True])

    assert torch.autograd.gradcheck(operator, (gradient, *factors))
    assert torch.autograd.gradgradcheck(operator, (gradient, *factors))


@pytest.mark.parametrize("wanted", [[True, False, True], [False, True, False]])
def test_gradients_that_are_not_wanted_are_empty(wanted):
    factors, indices = form(9, 20)
    gradient = torch.randn(4, 9, 20, dtype=torch.float64)
    arguments = (gradient, *(f.detach() for f in factors), *indices[:-1])
    every = torch.ops.hipnn_ts.moments_backward(*arguments, [True, True, True])
    some = torch.ops.hipnn_ts.moments_backward(*arguments, wanted)
    for one, other, kept in zip(some, every, wanted, strict=True):
        assert torch.equal(one, other) if kept else one.numel() == 0


def test_indices_that_change_are_checked_and_grouped_anew():
    factors, indices = form(4, 8, dtype=torch.float64)
    first, count, receivers, senders, n = indices
    torch.ops.hipnn_ts.moments(*factors, *indices)
    senders.copy_(senders.flip(0))
    receivers.copy_(receivers.flip(0))
    out = torch.ops.hipnn_ts.moments(*factors, *indices)
    torch.testing.assert_close(out, expected(*factors, *indices), rtol=1e-12, atol=1e-12)
    senders[3] = N_ATOMS
    with pytest.raises(RuntimeError, match="senders: expected values from 0 to 4"):
        torch.ops.hipnn_ts.moments(*factors, *indices)
    with torch.inference_mode():
        indices = [index.clone() for index in (first, count, receivers, senders)]
        for value in (0, 1):
            indices[3].fill_(value)
            out = torch.ops.hipnn_ts.moments(*(f.detach() for f in factors), *indices, n)
            torch.testing.assert_close(out, expected(*factors, *indices, n).detach())


def test_window_as_wide_as_all_sensitivities():
    factors, indices = form(4, 5, window=N_SENSITIVITIES)
    out = torch.ops.hipnn_ts.moments(*factors, *indices)
    torch.testing.assert_close(out, expected(*factors, *indices), rtol=1e-12, atol=1e-12)


def test_without_pairs_everything_is_zero():
    factors, indices = form(9, 8, n_pairs=0)
    out = torch.ops.hipnn_ts.moments(*factors, *indices)
    assert out.shape == (4, 9, 8)
    assert not out.any()
    out.sum().backward()
    assert not factors[2].grad.any()


def test_non_contiguous_factors():
    factors, indices = form(4, 6)
    strided = [torch.stack([f, f], dim=-1)[..., 0].detach() for f in factors]
    assert not any(f.is_contiguous() for f in strided)
    out = torch.ops.hipnn_ts.moments(*strided, *indices)
    torch.testing.assert_close(out, expected(*factors, *indices).detach(), rtol=1e-12, atol=1e-12)


def test_independent_of_thread_count():
    factors, indices = form(9, 32, n_pairs=3000, dtype=torch.float32)
    threads = torch.get_num_threads()
    outs = []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            out = torch.ops.hipnn_ts.moments(*factors, *indices)
            outs.append(all_derivatives(out, factors))
    finally:
        torch.set_num_threads(threads)
    for other in outs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(outs[0], other, strict=True))


def wrong(position, value):
    factors, indices = form(4, 5)
    arguments = [*factors, *indices]
    arguments[position] = value(arguments[position])
    return arguments


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (wrong(0, lambda t: t[:, :3]), "components: expected 1, 4, 9 or 16 of them, found 3"),
        (wrong(0, lambda t: t[:-1]), "components: expected shape"),
        (wrong(1, lambda t: t.float()), "sensitivities: expected Double, found Float"),
        (wrong(2, lambda t: t[0]), "projections: expected 3 dimensions"),
        (wrong(3, lambda t: t - 9), "first: expected values from 0 to"),
        (wrong(3, lambda t: t.long()), "first: expected Int, found Long"),
        (wrong(3, lambda t: t * 0 + 6), "first and count: expected windows that end within the 6"),
        (wrong(4, lambda t: t + 9), "count: expected values from 0 to 3"),
        (wrong(5, lambda t: t + 9), "receivers: expected values from 0 to 3"),
        (wrong(6, lambda t: t - 9), "senders: expected values from 0 to 4"),
        (wrong(0, lambda t: t.detach().half()), "expected float32 or float64 tensors"),
    ],
)
def test_bad_arguments_stop_with_one_sentence(arguments, sentence):
    with pytest.raises(RuntimeError, match=sentence):
        torch.ops.hipnn_ts.moments(*arguments)
