"""The training operator for sensitivities and its derivatives equal plain torch's."""

import pytest
import torch
from derivatives import all_derivatives

from hipnn_ts.operators import reference

CUTOFF = 6.5
DTYPES = pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, 3e-5), (torch.float64, 1e-12)],
    ids=["single", "double"],
)


def radial(n_sensitivities=20, n_pairs=500, dtype=torch.float64, seed=0):
    """Return distances, sorted centres and inverse widths like those of a trained potential."""
    generator = torch.Generator().manual_seed(seed)
    distances = 0.6 + 5.8 * torch.rand(n_pairs, generator=generator, dtype=dtype)
    mu = 1.0 / torch.linspace(1 / 5.5, 1 / 0.75, n_sensitivities, dtype=dtype)
    sigma = 15.0 + 30.0 * torch.rand(n_sensitivities, generator=generator, dtype=dtype)
    return distances, mu, sigma


def factors(distances, mu, sigma):
    """Return the differentiable arguments of the operator, as leaves."""
    leaves = (1.0 / distances, reference.envelopes(distances, CUTOFF), 1.0 / mu, sigma)
    return [leaf.clone().requires_grad_() for leaf in leaves]


def windows(distances, mu, sigma):
    first, count = torch.ops.hipnn_ts.active_windows(distances, mu, sigma)
    return first, count, int(count.max()) if len(count) else 0


def expected(x, c, y, sigma, first, count, window):
    """Return the sensitivities within the windows, by plain torch."""
    slots = (first.long().unsqueeze(1) + torch.arange(window)).clamp(max=len(y) - 1)
    inside = torch.arange(window) < count.unsqueeze(1)
    z = (x.unsqueeze(1) - y[slots]) * sigma[slots]
    return torch.where(inside, torch.exp(-0.5 * z.square()) * c.unsqueeze(1), torch.zeros_like(z))


@DTYPES
@pytest.mark.parametrize("n_sensitivities", [1, 7, 8, 20, 33])
def test_equals_plain_torch_to_second_derivatives(n_sensitivities, dtype, tolerance):
    given = radial(n_sensitivities, dtype=dtype)
    window, leaves = windows(*given), factors(*given)
    found = all_derivatives(torch.ops.hipnn_ts.sensitivities(*leaves, *window), leaves)
    for a, b in zip(found, all_derivatives(expected(*leaves, *window), leaves), strict=True):
        assert (a - b).abs().max() <= tolerance * b.abs().max()


def test_gradcheck_and_gradgradcheck():
    given = radial(n_sensitivities=4, n_pairs=6)
    window, leaves = windows(*given), factors(*given)

    def operator(*leaves):
        return torch.ops.hipnn_ts.sensitivities(*leaves, *window)

    assert torch.autograd.gradcheck(operator, leaves)
    assert torch.autograd.gradgradcheck(operator, leaves)


def test_third_derivatives_are_refused():
    given = radial(n_sensitivities=4, n_pairs=6)
    leaves = factors(*given)
    out = torch.ops.hipnn_ts.sensitivities(*leaves, *windows(*given))
    first = torch.autograd.grad((out**2).sum(), leaves, create_graph=True)
    with pytest.raises(NotImplementedError, match="third derivatives are not implemented"):
        torch.autograd.grad(sum((g**3).sum() for g in first), leaves, create_graph=True)


@DTYPES
def test_windows_hold_every_sensitivity_above_rounding(dtype, tolerance):
    for seed in range(20):
        distances, mu, sigma = radial(dtype=dtype, seed=seed)
        sigma = sigma * 10.0 ** (seed / 9.5 - 1.0)  # from ten times wider to ten times narrower
        first, count, _ = windows(distances, mu, sigma)
        values = reference.sensitivities(distances, mu, sigma, CUTOFF)
        columns = torch.arange(len(mu))
        begin, end = first[:, None], (first + count)[:, None]
        outside = (columns < begin) | (columns >= end)
        assert (values * outside).max() <= 1.01 * torch.finfo(dtype).eps
    assert count.double().mean() < 3.0  # for the narrowest widths


def test_a_distance_that_is_no_number_stays_visible():
    distances, mu, sigma = radial(n_pairs=3)
    distances[1] = torch.nan
    given = (distances, mu, sigma)
    out = torch.ops.hipnn_ts.sensitivities(*factors(*given), *windows(*given))
    assert out.isnan().any(dim=1).tolist() == [False, True, False]


def test_without_pairs_gradients_are_zero():
    given = radial(n_pairs=0)
    leaves = factors(*given)
    out = torch.ops.hipnn_ts.sensitivities(*leaves, *windows(*given))
    out.sum().backward()
    assert out.shape == (0, 0)
    assert not leaves[2].grad.any()
    assert not leaves[3].grad.any()


def test_independent_of_thread_count():
    given = radial(n_pairs=5000, dtype=torch.float32)
    threads = torch.get_num_threads()
    outs = []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            leaves = factors(*given)
            out = torch.ops.hipnn_ts.sensitivities(*leaves, *windows(*given))
            outs.append(all_derivatives(out, leaves))
    finally:
        torch.set_num_threads(threads)
    for other in outs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(outs[0], other, strict=True))


@pytest.mark.parametrize(
    ("position", "change", "sentence"),
    [
        (0, lambda t: t[:-1], "envelopes: expected shape"),
        (1, lambda t: t.float(), "envelopes: expected Double, found Float"),
        (3, lambda t: t[:-1], "sigma: expected shape"),
        (4, lambda t: t + 99, "first: expected values from 0 to 20, found"),
        (5, lambda t: t - 99, "count: expected values from 0 to"),
        (5, lambda t: t.long(), "count: expected Int, found Long"),
    ],
)
def test_bad_arguments_stop_with_one_sentence(position, change, sentence):
    given = radial()
    arguments = [*factors(*given), *windows(*given)]
    arguments[position] = change(arguments[position].detach())
    with pytest.raises(RuntimeError, match=sentence):
        torch.ops.hipnn_ts.sensitivities(*arguments)
