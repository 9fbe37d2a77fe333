"""The Huber loss, its likelihood and the weighted mean."""

import pytest
import torch

from forecasting.model.losses import huber, huber_likelihood, weighted_mean


@pytest.mark.parametrize(
    ("residual", "expected"),
    [(0.0, 0.0), (0.5, 0.125), (-0.5, 0.125), (1.0, 0.5), (3.0, 2.5), (-3.0, 2.5)],
)
def test_huber_is_square_within_delta_and_linear_beyond(residual: float, expected: float) -> None:
    assert huber(torch.tensor(residual), delta=1.0).item() == pytest.approx(expected)


@pytest.mark.parametrize("delta", [0.3, 1.0, 1.345, 5.0])
def test_huber_is_the_loss_of_torch(delta: float) -> None:
    target = torch.linspace(-6, 6, 101)
    twin = torch.nn.HuberLoss(reduction="none", delta=delta)(torch.zeros_like(target), target)
    torch.testing.assert_close(huber(target, delta), twin)


def test_with_a_log_scale_of_zero_the_likelihood_is_the_plain_loss() -> None:
    target, location = torch.linspace(-4, 4, 33), torch.full((33,), 0.2)
    plain = huber(target - location, 1.345)
    assert torch.equal(huber_likelihood(target, location, torch.zeros(33), delta=1.345), plain)


def test_the_likelihood_charges_for_width() -> None:
    scale = torch.tensor(2.0)
    found = huber_likelihood(torch.tensor(1.2), torch.tensor(0.2), scale.log(), delta=1.0)
    assert found.item() == pytest.approx(0.5 * 0.5**2 + 0.693147, abs=1e-6)


def test_the_weighted_mean_by_hand() -> None:
    assert weighted_mean(torch.tensor([1.0, 4.0]), torch.tensor([3.0, 1.0])).item() == pytest.approx(1.75)


def test_a_value_without_weight_does_not_count_even_where_it_is_nan() -> None:
    values = torch.tensor([2.0, float("nan"), float("inf")])
    assert weighted_mean(values, torch.tensor([0.5, 0.0, 0.0])).item() == 2.0
