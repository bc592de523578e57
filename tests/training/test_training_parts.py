"""Loss, errors, schedule and budget by themselves."""

import math

import pytest
import torch

from hipnn_ts.data.batch import Batch
from hipnn_ts.training.budget import Budget
from hipnn_ts.training.config import LossConfig
from hipnn_ts.training.errors import ErrorSums, deviations
from hipnn_ts.training.loss import error_loss, hierarchicality
from hipnn_ts.training.module import combined_error, rate_factor
from hipnn_ts.training.prediction import Prediction


def example():
    """Two configurations, 2 and 1 atoms, with a stress for the second."""
    zero = torch.zeros(0)
    batch = Batch(
        species=zero,
        configuration=torch.tensor([0, 0, 1]),
        n_atoms=torch.tensor([2, 1]),
        receivers=zero,
        senders=zero,
        vectors=zero,
        energy=torch.tensor([-10.0, -5.0], dtype=torch.float64),
        forces=torch.zeros(3, 3),
        stress=torch.zeros(2, 3, 3),
        has_stress=torch.tensor([False, True]),
        volume=torch.tensor([math.nan, 8.0]),
    )
    prediction = Prediction(
        energy=torch.tensor([-10.8, -4.7], dtype=torch.float64),
        forces=torch.tensor([[3.0, 0, 0], [0, 0, 0], [0, 0, -6.0]]),
        stress=torch.full((1, 3, 3), 0.01),
    )
    return prediction, batch


def test_errors_are_per_atom_and_per_component_and_add_up_over_batches():
    sums = ErrorSums()
    for _ in range(3):
        sums.add(deviations(*example()))
    assert sums.result() == pytest.approx(
        {
            "energy_mae": 350.0,
            "energy_rmse": 1e3 * math.sqrt((0.4**2 + 0.3**2) / 2),
            "forces_mae": 1000.0,
            "forces_rmse": 1e3 * math.sqrt(5.0),
            "stress_mae": 10.0,
            "stress_rmse": 10.0,
        }
    )


def test_the_loss_weighs_rmse_and_mae():
    weights = LossConfig(energy=2.0, forces=3.0, stress=5.0)
    expected = 2 * (0.35 + math.sqrt(0.125)) + 3 * (1 + math.sqrt(5)) + 5 * (0.01 + 0.01)
    found = deviations(*example())
    assert error_loss(found, weights).item() == pytest.approx(expected)
    sums = ErrorSums()
    sums.add(found)
    assert combined_error(sums.result(), weights) == pytest.approx(expected)


def test_a_perfect_batch_has_finite_gradients():
    prediction, batch = example()
    forces = batch.forces.clone().requires_grad_(True)
    found = deviations(prediction._replace(energy=batch.energy, forces=forces), batch)
    error_loss(found, LossConfig()).backward()
    assert forces.grad.isfinite().all()


def test_hierarchicality_is_small_where_the_blocks_converge():
    assert hierarchicality(torch.tensor([[1.0, 0.1, 0.01]])).item() == pytest.approx(
        2 * 0.01 / 1.01, rel=1e-2
    )
    assert hierarchicality(torch.tensor([[0.01, 1.0]])).item() == pytest.approx(1.0, rel=1e-3)
    assert hierarchicality(torch.tensor([[3.0], [2.0]])).item() == 0.0


def test_the_rate_warms_up_then_falls_to_a_hundredth():
    factors = [rate_factor(step / 200) for step in range(201)]
    top = factors.index(max(factors))
    assert max(factors) == pytest.approx(1.0)
    assert top == 10
    assert factors[:top] == sorted(factors[:top])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert factors[-1] == pytest.approx(0.01)


def test_the_first_end_of_a_budget_counts():
    assert Budget(100, None).progress(25) == 0.25
    assert Budget(100, 1000.0).progress(25) == 0.25
    assert Budget(100, 1e-9).progress(1) == 1.0
    assert Budget(None, 1000.0).progress(10**9) < 0.1
