"""Soap, which runs Adam in the eigenbasis of the gradients' second moments."""

import copy

import pytest
import torch

from hipnn_ts.training import soap
from hipnn_ts.training.soap import Soap

LONG = 2 * soap.BASES_EVERY + 5  # enough steps to find and to update the bases
SHAPES = [(7,), (1, 7), (5, 6), (5, 6), (3, 4, 5), (0, 4), ()]


def parameters(dtype=torch.float64, shapes=SHAPES):
    generator = torch.Generator().manual_seed(0)
    drawn = (torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes)
    return [torch.nn.Parameter(values) for values in drawn]


def descend(weights, optimizer, n_steps, seed=1):
    """Take steps along noisy gradients."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n_steps):
        for weight in weights:
            noise = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
            weight.grad = weight.detach() + 0.1 * noise
        optimizer.step()


def test_weights_of_one_dimension_are_trained_by_adam():
    shapes = [(7,), (1, 7), (1, 1, 9), ()]
    ours, theirs = parameters(shapes=shapes), parameters(shapes=shapes)
    descend(ours, Soap(ours, 0.01), 50)
    betas = (soap.DECAY, soap.DECAY)
    descend(theirs, torch.optim.Adam(theirs, 0.01, betas, soap.EPSILON), 50)
    for own, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-12, atol=1e-14)


def test_a_step_of_one_gradient_is_its_polar_factor():
    """A repeated gradient gives a step of the same size in all directions of its eigenbasis."""
    weights = parameters(shapes=[(5, 6)])
    optimizer = Soap(weights, 1.0)
    weights[0].grad = torch.randn(5, 6, dtype=torch.float64)
    for _ in range(soap.BASES_EVERY):  # first steps are Adam's: the signs of the gradient
        start = weights[0].detach().clone()
        optimizer.step()
    torch.testing.assert_close(
        start - weights[0].detach(), weights[0].grad.sign(), rtol=0, atol=1e-4
    )
    start = weights[0].detach().clone()
    optimizer.step()
    left, _, right = torch.linalg.svd(weights[0].grad, full_matrices=False)
    # Directions without a gradient do not change.
    torch.testing.assert_close(start - weights[0].detach(), left @ right, rtol=0, atol=1e-4)


def test_bases_become_the_eigenvectors_of_correlated_gradients():
    """The gradients of the two rows are equal up to a thousandth."""
    weights = [torch.nn.Parameter(torch.zeros(2, 3, dtype=torch.float64))]
    optimizer = Soap(weights, 1e-9)
    generator = torch.Generator().manual_seed(2)
    for _ in range(400):
        common = torch.randn(3, generator=generator, dtype=torch.float64)
        own = 1e-3 * torch.randn(3, generator=generator, dtype=torch.float64)
        weights[0].grad = torch.stack([common + own, common - own])
        optimizer.step()
    bases = optimizer.state[weights[0]]["bases"]
    expected = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64) / 2**0.5
    torch.testing.assert_close(bases[0][0].abs(), expected.abs(), rtol=0, atol=1e-3)
    for basis in bases:
        identity = torch.eye(basis.shape[1], dtype=basis.dtype)
        torch.testing.assert_close(basis[0] @ basis[0].mT, identity, rtol=0, atol=1e-12)


def test_what_distinguishes_overlapping_functions_is_learned():
    """Soap solves a least-squares problem whose columns differ by a hundredth; Adam does not."""
    generator = torch.Generator().manual_seed(3)
    common = torch.randn(200, 1, generator=generator)
    columns = common + 0.01 * torch.randn(200, 8, generator=generator)
    wanted = columns @ torch.randn(8, 4, generator=generator)
    errors = {}
    for name, make in (("soap", Soap), ("adam", torch.optim.Adam)):
        weights = [torch.nn.Parameter(torch.zeros(8, 4))]
        optimizer = make(weights, 0.01)
        for step in range(1000):
            for group in optimizer.param_groups:
                group["lr"] = 0.01 * (1 - step / 1000)
            optimizer.zero_grad()
            (columns @ weights[0] - wanted).square().mean().backward()
            optimizer.step()
        errors[name] = float((columns @ weights[0] - wanted).square().mean().sqrt().detach())
    assert errors["soap"] < 0.1 * errors["adam"]


def test_parameters_alike_are_the_same_together_and_alone():
    together, alone = parameters(), parameters()
    descend(together, Soap(together, 0.01), LONG)
    generator = torch.Generator().manual_seed(1)
    optimizers = [Soap([weight], 0.01) for weight in alone]
    for _ in range(LONG):
        for weight in alone:
            noise = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
            weight.grad = weight.detach() + 0.1 * noise
        for optimizer in optimizers:
            optimizer.step()
    for own, other in zip(together, alone, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_state_continues_bit_for_bit(dtype):
    straight = parameters(dtype)
    first = Soap(straight, 0.01)
    descend(straight, first, LONG)
    resumed = [torch.nn.Parameter(weight.detach().clone()) for weight in straight]
    second = Soap(resumed, 0.5)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert second.param_groups[0]["lr"] == 0.01
    descend(straight, first, LONG, seed=4)
    descend(resumed, second, LONG, seed=4)
    for own, other in zip(straight, resumed, strict=True):
        assert torch.equal(own, other)


def test_a_long_dimension_has_no_basis(monkeypatch):
    monkeypatch.setattr(soap, "LONGEST", 5)
    weights = parameters(shapes=[(5, 6)])
    optimizer = Soap(weights, 0.01)
    descend(weights, optimizer, LONG)
    short, long = optimizer.state[weights[0]]["bases"]
    assert short.shape == (1, 5, 5) and long is None
    assert torch.isfinite(weights[0]).all()


def test_gradients_that_are_not_finite_raise_nothing():
    weights = parameters(shapes=[(5, 6)])
    optimizer = Soap(weights, 0.01)
    weights[0].grad = torch.full((5, 6), torch.nan, dtype=torch.float64)
    for _ in range(2 * soap.BASES_EVERY):
        optimizer.step()  # the training loop reports the error
    assert weights[0].isnan().all()
