"""Forecasts of many tickers in processes: the same numbers, the same errors, and no ticker lost."""

import multiprocessing
from collections.abc import Iterator

import numpy as np
import pytest
from synthetic_prices import returns_of_steps

from flows.steps.process_pools import FEWEST_TICKERS, TickerForecaster, spread_forecasts
from forecasting.config import SimulationConfig
from forecasting.errors import ShortHistoryError
from forecasting.features.market import leave_market_unknown
from forecasting.features.returns import DailyReturns
from forecasting.pipeline import Forecaster, forecast_ticker

FORECASTER = Forecaster(None, leave_market_unknown(), SimulationConfig(horizon=3), simulates=True)


@pytest.fixture(scope="module")
def spread() -> Iterator[TickerForecaster]:
    with spread_forecasts(FORECASTER, workers=2, tickers=FEWEST_TICKERS) as forecast:
        yield forecast


def draw_returns(seed: int) -> DailyReturns:
    return returns_of_steps(np.random.default_rng(seed).normal(0, 0.02, 200), f"T{seed}")


def check_forecast(forecast: TickerForecaster, seed: int) -> None:
    returns = draw_returns(seed)
    found = forecast(returns, returns.last_session)
    expected = forecast_ticker(FORECASTER, returns, returns.last_session)
    for band, quantiles in expected.log_returns.items():
        np.testing.assert_array_equal(found.log_returns[band], quantiles)
    assert (found.ticker, found.data_fingerprint) == (expected.ticker, expected.data_fingerprint)


@pytest.mark.parametrize(
    ("workers", "tickers", "simulates"), [(1, 500, True), (8, FEWEST_TICKERS - 1, True), (8, 500, False)]
)
def test_few_tickers_one_worker_or_no_paths_start_no_process(
    workers: int, tickers: int, simulates: bool
) -> None:
    forecaster = Forecaster(None, FORECASTER.market, FORECASTER.simulation, simulates=simulates)
    before = multiprocessing.active_children()
    with spread_forecasts(forecaster, workers=workers, tickers=tickers) as forecast:
        check_forecast(forecast, seed=1)
        assert multiprocessing.active_children() == before


def test_a_process_forecasts_the_same_numbers_and_its_errors_are_raised(
    spread: TickerForecaster,
) -> None:
    check_forecast(spread, seed=1)
    assert multiprocessing.active_children()
    short = returns_of_steps(np.zeros(10), "NEW")
    with pytest.raises(ShortHistoryError, match="NEW"):
        spread(short, short.last_session)


def test_what_a_killed_process_had_to_do_is_done_here(spread: TickerForecaster) -> None:
    check_forecast(spread, seed=1)
    for process in multiprocessing.active_children():
        process.kill()
    for seed in range(2, 4):
        check_forecast(spread, seed)
