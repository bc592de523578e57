"""The CUDA kernels of the training operators, emulated on the CPU, equal the CPU's code."""

import subprocess
from math import isqrt

import pytest
import torch
from comparing import largest

pytestmark = pytest.mark.slow

N_RECEIVERS, N_SENDERS = 4, 5
TOLERANCE = {torch.float32: 3e-5, torch.float64: 1e-12}


def generator(seed):
    return torch.Generator().manual_seed(seed)


def assert_equal(found, expected, dtype):
    for a, b in zip(found, expected, strict=True):
        scale = b.abs().max().item() if b.numel() else 0.0
        torch.testing.assert_close(a, b, rtol=0, atol=TOLERANCE[dtype] * largest(1.0, scale))


def form(n_components, n_features, n_pairs, dtype=torch.float64, n_sensitivities=6, window=3):
    """Return random factors of the moments, pair indices (first to senders) and directions."""
    random = generator(n_components)
    shapes = (
        (n_pairs, n_components),
        (n_pairs, window),
        (N_SENDERS, n_sensitivities, n_features),
        (N_RECEIVERS, n_components, n_features),
    )
    factors, along = (
        [torch.randn(*shape, generator=random, dtype=dtype) for shape in shapes] for _ in range(2)
    )

    def index(limit, kind=torch.int64):
        return torch.randint(0, limit, (n_pairs,), generator=random).to(kind)

    count = index(window + 1, torch.int32)
    first = (index(2**20, torch.int32) % (n_sensitivities - count + 1)).to(torch.int32)
    return factors, [first, count, index(N_RECEIVERS), index(N_SENDERS)], along[:3]


SIZES = {
    "l0": (1, 3, 17),
    "l1": (4, 40, 50),
    "l2": (9, 64, 17),
    "no pairs": (9, 32, 0),
    "many neighbours": (9, 5, 1200),
    "wide windows": (9, 33, 40, 12, 10),
    "many sensitivities": (4, 32, 300, 60, 20),
}


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
@pytest.mark.parametrize("name", SIZES)
def test_the_family_to_second_derivatives(emulated, name, dtype):
    n_components, n_features, n_pairs, *rest = SIZES[name]
    factors, pairs, along = form(n_components, n_features, n_pairs, dtype, *rest)
    leaves = [f.clone().requires_grad_() for f in factors]
    y, s, p, g = leaves
    value = torch.ops.hipnn_ts.moments(y, s, p, *pairs, N_RECEIVERS)
    first = torch.ops.hipnn_ts.moments_backward(g, y, s, p, *pairs, [True, True, True])
    total = sum((a * b).sum() for a, b in zip(first, along, strict=True))
    second = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)

    assert_equal([emulated.moments(factors, pairs)], [value.detach()], dtype)
    found = emulated.moments_backward(factors, pairs)
    assert_equal(found, [f.detach() for f in first], dtype)
    assert_equal(emulated.moments_double_backward(factors, pairs, along), second, dtype)


@pytest.mark.parametrize("n_components", [1, 4, 9, 16])
def test_any_number_of_components(emulated_program, n_components):
    """Pair gradients are right for any number of components, up to 16 for l_max 3."""
    sizes = {"N_SENSITIVITIES": 4, "N_FEATURES": 32, "LANE_FEATURES": 1, "MAX_WINDOW": 1}
    program = emulated_program(
        "many_components.cc", Real="double", N_COMPONENTS=n_components, **sizes
    )
    subprocess.run([program], check=True, timeout=60)


@pytest.mark.parametrize("only", range(3))
def test_change_along_one_factor(emulated, only):
    """An empty direction counts as zero."""
    factors, pairs, along = form(9, 33, 40)
    alone = [a if k == only else torch.zeros_like(a) for k, a in enumerate(along)]
    absent = [a if k == only else a[:0] for k, a in enumerate(along)]
    found = emulated.moments_double_backward(factors, pairs, absent)
    assert_equal(found, emulated.moments_double_backward(factors, pairs, alone), torch.float64)
    assert found[3].any()


@pytest.mark.parametrize("place", range(4), ids=["first", "count", "receivers", "senders"])
@pytest.mark.parametrize("value", [-1, 99])
def test_an_index_out_of_range_leaves_no_number(emulated, place, value):
    """One wrong pair of many makes every result NaN, so that none is silently wrong."""
    factors, pairs, along = form(9, 33, 40)
    pairs[place][7] = value
    everything = [
        emulated.moments(factors, pairs),
        *emulated.moments_backward(factors, pairs),
        *emulated.moments_double_backward(factors, pairs, along),
    ]
    assert all(each.isnan().all() for each in everything)


def test_pairs_are_sorted_once_and_again_when_they_change(emulated):
    factors, pairs, _ = form(4, 8, 30)
    assert emulated.same_pairs(factors, pairs, pairs)
    assert not emulated.same_pairs(factors, pairs, [each.clone() for each in pairs])
    before = emulated.moments(factors, pairs)
    pairs[2].copy_((pairs[2] + 1) % N_RECEIVERS)
    after = emulated.moments(factors, pairs)
    assert_equal([after.roll(-1, 0)], [before], torch.float64)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
@pytest.mark.parametrize("l_max", range(4))
@pytest.mark.parametrize("n_pairs", [0, 300])
def test_geometry_to_second_derivatives(emulated, n_pairs, l_max, dtype):
    random, cutoff, n_components = generator(l_max), 4.0, (l_max + 1) ** 2

    def normal(*shape):
        return torch.randn(*shape, generator=random, dtype=dtype)

    vectors = normal(n_pairs, 3)
    lengths = 0.6 + 4.4 * torch.rand(n_pairs, 1, generator=random, dtype=dtype)
    vectors *= lengths / vectors.norm(dim=1, keepdim=True)
    gradients = [normal(n_pairs) for _ in range(3)] + [normal(n_pairs, n_components)]
    k = normal(n_pairs, 3)
    leaf = vectors.clone().requires_grad_()
    leaves = [g.clone().requires_grad_() for g in gradients]
    values = torch.ops.hipnn_ts.pair_geometry(leaf, n_components, cutoff)
    first = torch.ops.hipnn_ts.pair_geometry_backward(*leaves, leaf, cutoff)
    second = torch.autograd.grad((first * k).sum(), [leaf, *leaves])

    found = emulated.geometry(vectors, n_components, cutoff)
    assert_equal(found, [v.detach() for v in values], dtype)
    found = emulated.geometry_backward(gradients, vectors, k, cutoff)
    assert_equal(found, [first.detach(), *second], dtype)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
@pytest.mark.parametrize("n_components", [1, 4, 9, 16])
@pytest.mark.parametrize(("n_atoms", "n_features"), [(0, 7), (5, 7), (150, 33)])
def test_invariants_to_second_derivatives(emulated, n_atoms, n_features, n_components, dtype):
    random, cusp = generator(n_components), 1e-3

    def normal(*shape):
        return torch.randn(*shape, generator=random, dtype=dtype)

    def like_factors():
        scales = normal(isqrt(n_components) - 1, n_features)
        return [normal(n_atoms, n_components, n_features), scales]

    factors, directions, g = like_factors(), like_factors(), normal(n_atoms, n_features)
    leaves = [f.clone().requires_grad_() for f in factors]
    g_leaf = g.clone().requires_grad_()
    value = torch.ops.hipnn_ts.invariants(*leaves, cusp)
    first = torch.ops.hipnn_ts.invariants_backward(g_leaf, *leaves, cusp)
    total = sum((a * b).sum() for a, b in zip(first, directions, strict=True))
    second = torch.autograd.grad(
        total, [g_leaf, *leaves], allow_unused=True, materialize_grads=True
    )

    assert_equal([emulated.invariants(factors, cusp)], [value.detach()], dtype)
    found = emulated.invariants_backward(g, factors, directions, cusp)
    assert_equal(found, [*(f.detach() for f in first), *second], dtype)


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
@pytest.mark.parametrize(("l_max", "n_max"), [(0, 4), (1, 2), (2, 3), (3, 1), (3, 2), (3, 4)])
@pytest.mark.parametrize(("n_atoms", "n_features"), [(0, 7), (5, 7), (40, 33)])
def test_polynomials_to_second_derivatives(emulated, n_atoms, n_features, l_max, n_max, dtype):
    random = generator(l_max)
    shape = n_atoms, (l_max + 1) ** 2, n_features
    moments, direction = (0.3 * torch.randn(shape, generator=random, dtype=dtype) for _ in "ab")
    leaf = moments.clone().requires_grad_()
    value = torch.ops.hipnn_ts.polynomials(leaf, n_max)
    g = torch.randn(value.shape, generator=random, dtype=dtype).requires_grad_()
    first = torch.ops.hipnn_ts.polynomials_backward(g, leaf)
    second = torch.autograd.grad((first * direction).sum(), [g, leaf])

    assert_equal([emulated.polynomials(moments, n_max)], [value.detach()], dtype)
    found = emulated.polynomials_backward(g.detach(), moments, direction)
    assert_equal(found, [first.detach(), *second], dtype)


def radial(n_pairs, n_sensitivities, dtype):
    random = generator(n_sensitivities)
    distances = torch.rand(n_pairs, generator=random, dtype=dtype) * 5.0 + 0.6
    mu = 1.0 / torch.linspace(1 / 5.5, 1 / 0.75, n_sensitivities, dtype=dtype)
    sigma = 12.0 + torch.rand(n_sensitivities, generator=random, dtype=dtype)
    envelopes = torch.rand(n_pairs, generator=random, dtype=dtype)
    return distances, mu, sigma, [1.0 / distances, envelopes, 1.0 / mu, sigma]


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
@pytest.mark.parametrize(("n_pairs", "n_sensitivities"), [(0, 5), (50, 6), (1100, 40)])
def test_sensitivities_to_second_derivatives(emulated, n_pairs, n_sensitivities, dtype):
    distances, mu, sigma, factors = radial(n_pairs, n_sensitivities, dtype)
    first, count = torch.ops.hipnn_ts.active_windows(distances, mu, sigma)
    for a, b in zip(emulated.active_windows(distances, mu, sigma), (first, count), strict=True):
        assert torch.equal(a, b)
    window = int(count.max()) if n_pairs else 2
    random = generator(1)
    h = torch.randn(n_pairs, window, generator=random, dtype=dtype)
    directions = [torch.randn(f.shape, generator=random, dtype=dtype) for f in factors]

    leaves = [f.clone().requires_grad_() for f in factors]
    h_leaf = h.clone().requires_grad_()
    value = torch.ops.hipnn_ts.sensitivities(*leaves, first, count, window)
    gradients = torch.ops.hipnn_ts.sensitivities_backward(h_leaf, *leaves, first, count)
    along = sum((g * k).sum() for g, k in zip(gradients, directions, strict=True))
    second = torch.autograd.grad(along, [h_leaf, *leaves])

    assert_equal([emulated.sensitivities(factors, first, count, window)], [value.detach()], dtype)
    found = emulated.sensitivities_backward(h, factors, first, count)
    assert_equal(found, [g.detach() for g in gradients], dtype)
    found = emulated.sensitivities_double_backward(h, factors, first, count, directions)
    assert_equal(found, second, dtype)


@pytest.mark.parametrize("wrong", [(-1, 1), (6, 1), (0, -1), (0, 5), (2**31 - 1, 4)])
def test_a_window_out_of_range_leaves_no_number(emulated, wrong):
    distances, mu, sigma, factors = radial(50, 6, torch.float64)
    first, count = torch.ops.hipnn_ts.active_windows(distances, mu, sigma)
    window = 4
    count.clamp_(max=window)
    first[7], count[7] = wrong
    value = emulated.sensitivities(factors, first, count, window)
    h = torch.ones_like(value)
    gradients = emulated.sensitivities_backward(h, factors, first, count)
    change, *second = emulated.sensitivities_double_backward(h, factors, first, count, factors)
    for of_pairs in (value, change, *gradients[:2], *second[:2]):
        wrong_ones = of_pairs.isnan().reshape(50, -1)
        assert wrong_ones[7].all()
        assert wrong_ones.sum() == wrong_ones[7].numel()
    for of_all in (*gradients[2:], *second[2:]):
        assert of_all.isnan().all()
