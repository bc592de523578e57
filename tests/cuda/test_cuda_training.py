"""The training operators' CUDA kernels, emulated on the processor, against the CPU's."""

import pytest
import torch

FACTORS = ("components", "sensitivities", "projections", "moments")
N_RECEIVERS, N_SENDERS, V = 4, 5, 6
TOLERANCE = {torch.float32: 3e-5, torch.float64: 1e-12}


def generator(seed):
    return torch.Generator().manual_seed(seed)


def assert_equal(found, expected, dtype):
    for a, b in zip(found, expected, strict=True):
        scale = b.abs().max().item() if b.numel() else 0.0
        torch.testing.assert_close(a, b, rtol=0, atol=TOLERANCE[dtype] * max(1.0, scale))


@pytest.mark.parametrize("dtype", TOLERANCE, ids=["single", "double"])
@pytest.mark.parametrize("n_pairs", [0, 17])
@pytest.mark.parametrize(("n_components", "n_features"), [(1, 3), (4, 40), (9, 64)])
def test_each_operator_of_the_family(emulated, n_components, n_features, n_pairs, dtype):
    random = generator(n_components)
    window = 3
    shapes = (
        (n_pairs, n_components),
        (n_pairs, window),
        (N_SENDERS, V, n_features),
        (N_RECEIVERS, n_components, n_features),
    )
    y, s, p, g = factors = [torch.randn(*shape, generator=random, dtype=dtype) for shape in shapes]

    def index(limit, kind=torch.int64):
        return torch.randint(0, limit, (n_pairs,), generator=random).to(kind)

    first, count = index(V - window + 1, torch.int32), index(window + 1, torch.int32)
    pairs = (first, count, index(N_RECEIVERS), index(N_SENDERS))
    sizes = [N_RECEIVERS, N_SENDERS, n_components, window, V, n_features]
    cpu = torch.ops.hipnn_ts
    expected = [
        *cpu.moments_backward(g, y, s, p, *pairs, [True, True, True]),
        cpu.moments(y, s, p, *pairs, N_RECEIVERS),
    ]
    found = [emulated.contract(result, factors, *pairs, sizes) for result in range(len(FACTORS))]
    assert_equal(found, expected, dtype)


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


def test_indices_out_of_range_are_refused(emulated):
    distances, mu, sigma, factors = radial(5, 6, torch.float64)
    first, count = torch.ops.hipnn_ts.active_windows(distances, mu, sigma)
    with pytest.raises(RuntimeError, match="first: expected values from 0 to 6"):
        emulated.sensitivities(factors, first - 9, count, int(count.max()))
