"""The Huber loss, its likelihood and the weighted mean."""

import pytest
import torch

from forecasting.model.losses import huber, huber_likelihood, pinball_loss, weighted_mean


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
    target = torch.linspace(-4, 4, 33)
    assert torch.equal(huber_likelihood(target, torch.zeros(33), delta=1.345), huber(target, 1.345))


def test_the_likelihood_charges_for_width() -> None:
    found = huber_likelihood(torch.tensor(1.0), torch.tensor(2.0).log(), delta=1.0)
    assert found.item() == pytest.approx(0.5 * 0.5**2 + 0.693147, abs=1e-6)


def test_the_pinball_loss_by_hand() -> None:
    quantiles, levels = torch.tensor([[-1.0, 1.0], [-2.0, 2.0]]), torch.tensor([0.25, 0.75])
    log_scale = torch.tensor(
        [2.0, 0.5]
    ).log()  # quantiles -2 and 2 at the first horizon, -1 and 1 at the other
    found = pinball_loss(torch.tensor([3.0, 0.0]), log_scale, quantiles, levels=levels)
    assert found.tolist() == pytest.approx([(0.25 * 5 + 0.75 * 1) / 2, (0.25 * 1 + 0.25 * 1) / 2])


def test_both_losses_are_least_at_the_scale_of_the_outcomes() -> None:
    target = 2 * torch.randn(20000, 1, generator=torch.Generator().manual_seed(1))
    levels = torch.linspace(0.05, 0.95, 19)
    normal = torch.special.ndtri(levels)[None]
    scales = torch.linspace(-1, 2, 61)
    losses = {
        "pinball": [pinball_loss(target, each + 0 * target, normal, levels=levels).mean() for each in scales],
        "huber": [huber_likelihood(target, each + 0 * target, delta=9.0).mean() for each in scales],
    }
    for found in losses.values():
        assert scales[int(torch.stack(found).argmin())].item() == pytest.approx(0.693, abs=0.06)


def test_the_weighted_mean_by_hand() -> None:
    assert weighted_mean(torch.tensor([1.0, 4.0]), torch.tensor([3.0, 1.0])).item() == pytest.approx(1.75)


def test_a_value_without_weight_does_not_count_even_where_it_is_nan() -> None:
    values = torch.tensor([2.0, float("nan"), float("inf")])
    assert weighted_mean(values, torch.tensor([0.5, 0.0, 0.0])).item() == 2.0
