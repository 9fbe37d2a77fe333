"""The random walk, by hand."""

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import returns_of_steps

from forecasting.baselines.random_walk import forecast_random_walk
from forecasting.config import SimulationConfig
from forecasting.features.lookback import VOLATILITY_FLOOR, Lookback
from forecasting.pipeline import build_last_window
from forecasting.types import Floats


def build_window(log_returns: Floats, market: pd.Series) -> Lookback:
    return build_last_window(returns_of_steps(log_returns), market)


def test_by_hand_on_returns_of_one_size(calm_market: pd.Series, simulation: SimulationConfig) -> None:
    found = forecast_random_walk(build_window(np.tile([0.02, -0.02], 100), calm_market), simulation)
    assert found.shape == (10, 5)
    assert found[0] == pytest.approx(0.02 * np.array([-1.644854, -0.674490, 0, 0.674490, 1.644854]), rel=1e-6)
    assert found[3] == pytest.approx(2 * found[0])  # sqrt(4)


def test_it_follows_the_newest_volatility(calm_market: pd.Series, simulation: SimulationConfig) -> None:
    steps = np.tile([0.01, -0.01], 100)
    before = forecast_random_walk(build_window(steps, calm_market), simulation)
    after = forecast_random_walk(build_window(np.append(steps, 0.1), calm_market), simulation)
    weights = 0.94 ** np.arange(63)
    expected = np.sqrt((1e-4 * weights[1:].sum() + 1e-2) / weights.sum())
    assert after[0, 4] / before[0, 4] == pytest.approx(expected / 0.01)


def test_a_flat_series_has_a_narrow_finite_band(calm_market: pd.Series, simulation: SimulationConfig) -> None:
    found = forecast_random_walk(build_window(np.zeros(200), calm_market), simulation)
    assert found[0, 4] == pytest.approx(1.644854 * 0.1 * VOLATILITY_FLOOR)
