"""Loss, errors, schedule and budget, each on its own."""

import math

import pytest
import torch
from comparing import largest

from hipnn_ts.data.batch import Batch
from hipnn_ts.training.budget import Budget
from hipnn_ts.training.errors import ErrorSums, deviations
from hipnn_ts.training.loss import batch_sums, error_loss, hierarchicality
from hipnn_ts.training.prediction import Prediction
from hipnn_ts.training.schedule import cosine_factor
from hipnn_ts.training.sections import LossConfig, ScheduleConfig

ROOTS = {"rmse": 1.0, "mae": 1.0, "mse": 0.0}


def example():
    """Return prediction and batch of configurations with 2 and 1 atoms, the second with stress."""
    zero = torch.zeros(0)
    batch = Batch(
        species=zero,
        configuration=torch.tensor([0, 0, 1]),
        n_atoms=torch.tensor([2, 1]),
        receivers=zero,
        senders=zero,
        vectors=zero,
        energy=torch.tensor([-10.0, -5.0], dtype=torch.float64),
        with_energy=torch.tensor([0, 1]),
        forces=torch.zeros(3, 3),
        with_forces=torch.arange(3),
        stress=torch.zeros(1, 3, 3),
        with_stress=torch.tensor([1]),
        volume=torch.tensor([8.0]),
        weight=torch.ones(2, dtype=torch.float64),
    )
    prediction = Prediction(
        energy=torch.tensor([-10.8, -4.7], dtype=torch.float64),
        forces=torch.tensor([[3.0, 0, 0], [0, 0, 0], [0, 0, -6.0]]),
        stress=torch.full((1, 3, 3), 0.01),
    )
    return prediction, batch


def loss_of(prediction, batch, weights):
    """The loss without regularisation: a single block has no hierarchicality."""
    terms = torch.zeros(len(batch.configuration), 1)
    return error_loss(batch_sums(deviations(prediction, batch), terms, batch, weights), weights)


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


def test_the_loss_weighs_rmse_mae_and_mse():
    weights = LossConfig(energy=2.0, forces=3.0, stress=5.0, **ROOTS)
    expected = 2 * (0.35 + math.sqrt(0.125)) + 3 * (1 + math.sqrt(5)) + 5 * (0.01 + 0.01)
    assert loss_of(*example(), weights).item() == pytest.approx(expected)
    weights = LossConfig(energy=2.0, forces=0.0, stress=5.0, rmse=0.5, mae=3.0, mse=0.0)
    expected = 2 * (3 * 0.35 + 0.5 * math.sqrt(0.125)) + 5 * 3.5 * 0.01
    assert loss_of(*example(), weights).item() == pytest.approx(expected)
    squares = LossConfig(energy=2.0, forces=3.0, stress=5.0, rmse=0.0, mae=0.0, mse=0.5)
    expected = 0.5 * (4 * 0.125 + 9 * 5 + 25 * 0.01**2)
    assert loss_of(*example(), squares).item() == pytest.approx(expected)
    total = LossConfig(energy=1.0, forces=0.0, stress=0.0, energy_per="configuration", **ROOTS)
    expected = (0.8 + 0.3) / 2 + math.sqrt((0.8**2 + 0.3**2) / 2)
    assert loss_of(*example(), total).item() == pytest.approx(expected)


def test_a_configuration_counts_by_its_weight():
    prediction, batch = example()
    weights = LossConfig(energy=1.0, forces=1.0, stress=1.0, **ROOTS)
    batch = batch._replace(weight=torch.tensor([3.0, 1.0], dtype=torch.float64))
    energy = (3 * 0.4 + 0.3) / 4 + math.sqrt((3 * 0.4**2 + 0.3**2) / 4)
    # Force components belong to two atoms of weight 3 and one of weight 1.
    forces = (3 * 3 + 6) / 21 + math.sqrt((3 * 9 + 36) / 21)
    assert loss_of(prediction, batch, weights).item() == pytest.approx(energy + forces + 0.02)
    alone = batch._replace(weight=torch.tensor([0.0, 1.0], dtype=torch.float64))
    expected = 0.6 + (2 + math.sqrt(12)) + 0.02
    assert loss_of(prediction, alone, weights).item() == pytest.approx(expected)


def test_labels_that_are_missing_do_not_count():
    prediction, batch = example()
    weights = LossConfig(energy=0.0, forces=1.0, stress=0.0, **ROOTS)
    some = batch._replace(forces=batch.forces[:2], with_forces=torch.arange(2))
    assert loss_of(prediction, some, weights).item() == pytest.approx(0.5 + math.sqrt(1.5))
    none = batch._replace(forces=batch.forces[:0], with_forces=torch.arange(0))
    assert loss_of(prediction, none, weights).item() == 0.0
    sums = ErrorSums()
    sums.add(deviations(prediction, none))
    assert "forces_mae" not in sums.result()


def test_a_perfect_batch_has_finite_gradients():
    prediction, batch = example()
    forces = batch.forces.clone().requires_grad_(True)
    perfect = prediction._replace(energy=batch.energy, forces=forces)
    loss_of(perfect, batch, LossConfig(**ROOTS)).backward()
    assert forces.grad.isfinite().all()


def test_hierarchicality_is_small_where_the_blocks_converge():
    assert hierarchicality(torch.tensor([[1.0, 0.1, 0.01]])).item() == pytest.approx(
        2 * 0.01 / 1.01, rel=1e-2
    )
    assert hierarchicality(torch.tensor([[0.01, 1.0]])).item() == pytest.approx(1.0, rel=1e-3)
    assert hierarchicality(torch.tensor([[3.0], [2.0]])).tolist() == [0.0, 0.0]


def test_the_rate_warms_up_then_falls_to_a_hundredth():
    config = ScheduleConfig(warm_up=0.05, last_rate=0.01)
    factors = [cosine_factor(step / 200, config) for step in range(201)]
    top = factors.index(largest(factors))
    assert largest(factors) == pytest.approx(1.0)
    assert top == 10
    assert factors[:top] == sorted(factors[:top])
    assert factors[top:] == sorted(factors[top:], reverse=True)
    assert factors[-1] == pytest.approx(0.01)


def test_the_first_end_of_a_budget_counts():
    assert Budget(100, None).progress(25) == 0.25
    assert Budget(100, 1000.0).progress(25) == 0.25
    assert Budget(100, 1e-9).progress(1) == 1.0
    assert Budget(None, 1000.0).progress(10**9) < 0.1
