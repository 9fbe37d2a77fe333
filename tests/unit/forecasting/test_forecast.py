"""A forecast as a value: prices, levels, coverage."""

from dataclasses import FrozenInstanceError
from datetime import date

import numpy as np
import pytest

from forecasting.forecast import Forecast

QUANTILES = np.array([[-0.1, 0.0, 0.1], [-0.2, 0.01, 0.3]])
FORECAST = Forecast(
    ticker="AAA",
    as_of=date(2024, 6, 5),
    anchor_close=50.0,
    target_sessions=(date(2024, 6, 6), date(2024, 6, 7)),
    levels=(0.1, 0.5, 0.9),
    log_returns={"calibrated": QUANTILES, "predictive": QUANTILES / 2},
    model_variance=np.zeros(2),
    noise_variance=np.ones(2),
    quality="champion",
    data_fingerprint="f",
    regime="calm",
    n_outcomes=(1, 2),
)


def test_prices_are_the_anchor_times_the_return() -> None:
    np.testing.assert_array_equal(FORECAST.prices("calibrated"), 50 * np.exp(QUANTILES))
    np.testing.assert_array_equal(FORECAST.price_at("predictive", 0.9), 50 * np.exp([0.05, 0.15]))


def test_horizon_and_coverage_follow_from_targets_and_levels() -> None:
    assert (FORECAST.horizon, FORECAST.nominal_coverage) == (2, 0.8)


def test_a_level_or_band_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        FORECAST.price_at("calibrated", 0.75)
    with pytest.raises(KeyError):
        FORECAST.prices("mc_dropout")


def test_a_forecast_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        FORECAST.quality = "baseline"  # type: ignore[misc]  # the point
