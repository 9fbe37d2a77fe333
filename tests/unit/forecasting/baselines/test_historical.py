"""Filtered historical simulation: by hand, against a path-by-path twin, and by what it must not do."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import make_returns, returns_of_steps

from forecasting.baselines.historical import forecast_historical, standardise_returns
from forecasting.config import SimulationConfig
from forecasting.errors import ShortHistoryError
from forecasting.features.lookback import WARM_UP, Lookback
from forecasting.features.returns import DailyReturns
from forecasting.model.random_streams import LARGEST_RESIDUAL, LARGEST_STEP, open_stream
from forecasting.pipeline import build_last_window
from forecasting.types import Floats


@pytest.fixture(scope="module")
def returns() -> DailyReturns:
    return make_returns("OLD", 900, seed=1)


@pytest.fixture(scope="module")
def window(returns: DailyReturns, calm_market: pd.Series) -> Lookback:
    return build_last_window(returns, calm_market)


def test_residuals_of_returns_of_one_size_are_ones() -> None:
    residuals = standardise_returns(returns_of_steps(np.tile([0.02, -0.02], 200)))
    assert residuals[-4:] == pytest.approx([1, -1, 1, -1], abs=0.01)


def test_residuals_are_over_the_volatility_of_the_session_before(returns: DailyReturns) -> None:
    weights = 0.94 ** np.arange(WARM_UP)[::-1]
    steps = returns.log_return[1:]
    squares = steps[-(WARM_UP + 1) : -1] ** 2
    residuals = standardise_returns(returns)
    assert len(residuals) == len(steps) - WARM_UP
    volatilities = [
        np.sqrt((squares * weights).sum() / weights.sum()),
        np.sqrt((steps[-(WARM_UP + 2) : -2] ** 2 * weights).sum() / weights.sum()),
    ]
    expected = steps[-1] / volatilities[0] - steps[-2] / volatilities[1]
    assert residuals[-1] - residuals[-2] == pytest.approx(expected)
    assert residuals.mean() == pytest.approx(0, abs=1e-12)


def roll_one_path(volatility: float, residuals: Floats) -> list[float]:
    variance, total, path = volatility**2, 0.0, []
    for residual in residuals:
        change = min(max(variance**0.5 * residual, -LARGEST_STEP), LARGEST_STEP)
        total += change
        variance = 0.94 * variance + 0.06 * change**2
        path.append(total)
    return path


def roll_all_paths(returns: DailyReturns, window: Lookback, config: SimulationConfig) -> Floats:
    """(S, H) of the residuals that the forecast draws from its own stream."""
    residuals = standardise_returns(returns)
    stream = open_stream(config.seed, returns.last_session, returns.ticker)
    shape = (config.horizon, config.dropout_runs * config.noise_paths)
    drawn = residuals[stream.integers(len(residuals), size=shape)]
    return np.array([roll_one_path(float(window.volatility), path) for path in drawn.T])


def test_the_quantiles_against_one_path_at_a_time(returns: DailyReturns, window: Lookback) -> None:
    config = SimulationConfig(horizon=7, dropout_runs=4, noise_paths=10)
    twin = np.quantile(roll_all_paths(returns, window, config), config.levels, axis=0).T
    np.testing.assert_allclose(forecast_historical(returns, window, config), twin, rtol=1e-12)


def test_no_path_leaves_the_floats(returns: DailyReturns, window: Lookback) -> None:
    wild = replace(window, returns=np.full_like(window.returns, 0.9))
    config = SimulationConfig(horizon=30, dropout_runs=4, noise_paths=100, levels=(0.01, 0.5, 0.99))
    furthest = np.abs(forecast_historical(returns, wild, config)).max(axis=1)
    assert furthest[0] == LARGEST_STEP
    assert (furthest <= LARGEST_STEP * np.arange(1, 31)).all()


def test_normal_residuals_give_the_quantiles_of_the_normal(
    calm_market: pd.Series, simulation: SimulationConfig
) -> None:
    normal = returns_of_steps(np.random.default_rng(6).normal(0, 0.01, 1100))
    window = build_last_window(normal, calm_market)
    many = simulation.model_copy(update={"noise_paths": 400})
    relative = forecast_historical(normal, window, many)[0] / window.volatility
    assert relative == pytest.approx([-1.68, -0.68, 0, 0.68, 1.68], abs=0.12)


def test_the_forecast_depends_on_seed_session_and_ticker_alone(
    returns: DailyReturns, window: Lookback, simulation: SimulationConfig
) -> None:
    once = forecast_historical(returns, window, simulation)
    assert (once == forecast_historical(returns, window, simulation)).all()
    later = replace(returns, session=returns.session + np.timedelta64(1, "D"))
    others = [
        forecast_historical(returns, window, simulation.model_copy(update={"seed": 8})),
        forecast_historical(replace(returns, ticker="NEW"), window, simulation),
        forecast_historical(later, window, simulation),
    ]
    assert all((once != other).any() for other in others)


def test_one_jump_of_a_halted_share_does_not_become_a_drift(
    calm_market: pd.Series, simulation: SimulationConfig
) -> None:
    steps = np.zeros(600)
    steps[300] = 0.1
    halted = returns_of_steps(steps)
    assert standardise_returns(halted).max() <= LARGEST_RESIDUAL
    forecast = forecast_historical(halted, build_last_window(halted, calm_market), simulation)
    assert np.abs(forecast[0]).max() < 0.001


def test_a_flat_series_stays_flat(calm_market: pd.Series, simulation: SimulationConfig) -> None:
    flat = returns_of_steps(np.zeros(400))
    assert (forecast_historical(flat, build_last_window(flat, calm_market), simulation) == 0).all()


def test_a_young_ticker_is_refused(calm_market: pd.Series, simulation: SimulationConfig) -> None:
    young = returns_of_steps(np.full(312, 0.01))
    with pytest.raises(ShortHistoryError, match="at least 314 sessions of history, found 313"):
        forecast_historical(young, build_last_window(young, calm_market), simulation)
