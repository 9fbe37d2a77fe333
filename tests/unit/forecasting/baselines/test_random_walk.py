"""The random walk, by hand."""

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import returns_of_steps

from forecasting.baselines.random_walk import bracket_widths, forecast_random_walk
from forecasting.config import SimulationConfig
from forecasting.features.lookback import VOLATILITY_FLOOR, WINDOW, Lookback, ReportWindow
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


def build_reporting(moves: Floats, reacted: Floats, ahead: float) -> Lookback:
    """(W,) window of returns, with the sessions that reacted to a report and the report expected next."""
    unknown, weights = np.full(1, np.nan), np.zeros(WINDOW)
    weights[-len(reacted) :] = reacted
    next_report = np.zeros(30)
    next_report[2] = ahead
    reports = ReportWindow(weights, next_report, np.array(9.0))
    returns = np.concatenate([np.tile([0.01, -0.01], WINDOW // 2)[len(moves) :], moves])
    return Lookback(returns, unknown, unknown, unknown, reports=reports)


def test_the_calmest_and_the_wildest_walk_are_one_where_they_do_not_differ(
    calm_market: pd.Series, simulation: SimulationConfig
) -> None:
    window = build_window(np.tile([0.02, -0.02], 300), calm_market)
    cone = forecast_random_walk(window, simulation)
    for width in bracket_widths(window, simulation):
        assert width == pytest.approx(cone[:, -1] - cone[:, 0])


def test_the_calmest_walk_leaves_past_reports_out(simulation: SimulationConfig) -> None:
    window = build_reporting(np.array([0.3]), reacted=np.ones(1), ahead=0.0)
    calmest, wildest = bracket_widths(window, simulation)
    deviations = 2 * 1.644854 * np.sqrt(np.arange(1, 11))
    assert calmest == pytest.approx(0.01 * deviations)
    assert wildest == pytest.approx(float(window.volatility) * deviations)
    assert window.volatility > 0.07


def test_the_wildest_walk_jumps_at_the_report_ahead(simulation: SimulationConfig) -> None:
    calmest, wildest = bracket_widths(build_reporting(np.empty(0), np.zeros(1), ahead=1.0), simulation)
    variance = 1 + 8 * (np.arange(1, 11) >= 3) / np.arange(1, 11)  # a report is worth nine sessions
    assert (wildest / calmest) ** 2 == pytest.approx(variance)
