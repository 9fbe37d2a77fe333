"""Bands of a model that was fitted with earnings dates: wider where a report falls, and nowhere else."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import ignore_epoch, make_actions, make_history

from forecasting.calendars.reports import EarningsDates, Report
from forecasting.calendars.sessions import sessions_between
from forecasting.config import ModelConfig, SimulationConfig
from forecasting.features.market import compute_market_variance
from forecasting.features.preparation import prepare_returns
from forecasting.features.returns import DailyReturns
from forecasting.forecast import Forecast
from forecasting.model.artifact import Model, load_stored_model
from forecasting.model.dataset import build_ticker_features
from forecasting.model.simulation import simulate_paths
from forecasting.pipeline import Forecaster, fit_model, forecast_ticker
from forecasting.prices.history import PriceHistory
from forecasting.types import Band

START, LAST = date(2021, 1, 4), date(2024, 6, 5)
SESSIONS = sessions_between("XNYS", START, LAST)
PAST = tuple(Report(START + timedelta(days=30 + 91 * number), "before_open") for number in range(14))
NEXT = Report(date(2024, 6, 10), "before_open", date(2024, 5, 20))  # the third session ahead
SIMULATION = SimulationConfig(horizon=6, dropout_runs=10, noise_paths=100)


def make_reporting(ticker: str, seed: int) -> PriceHistory:
    """Bars that move by 9 % on the day of a report."""
    history = make_history(ticker, len(SESSIONS), seed=seed)
    bars = history.bars.set_axis(pd.DatetimeIndex(SESSIONS), axis=0)
    for number, report in enumerate(PAST):
        session = int(np.searchsorted(np.array(SESSIONS), np.datetime64(report.day)))
        bars.iloc[session:, :4] *= np.exp(0.09 * (-1) ** number)
    return PriceHistory(ticker, bars, make_actions())


def prepare(ticker: str, seed: int, reports: Sequence[Report]) -> DailyReturns:
    return prepare_returns(make_reporting(ticker, seed), "split_adjusted", EarningsDates(tuple(reports)))


@pytest.fixture(scope="module")
def universe() -> list[DailyReturns]:
    return [prepare(ticker, seed, PAST) for seed, ticker in enumerate(("A", "B", "C"))]


@pytest.fixture(scope="module")
def fitted(universe: Sequence[DailyReturns], tiny_config: ModelConfig) -> Model:
    return fit_model(universe, LAST, tiny_config, on_epoch=ignore_epoch)


@pytest.fixture(scope="module")
def forecaster(universe: Sequence[DailyReturns], fitted: Model) -> Forecaster:
    return Forecaster(fitted, compute_market_variance(universe), SIMULATION)


def measure_width(forecast: Forecast, band: Band) -> np.ndarray:
    """(H,) width between the outermost levels."""
    quantiles = forecast.log_returns[band]
    return quantiles[:, -1] - quantiles[:, 0]


def measure_steps(forecast: Forecast) -> np.ndarray:
    """(H,) growth of the squared width of the predictive band from one horizon to the next."""
    return np.diff(measure_width(forecast, "predictive") ** 2, prepend=0.0)


def test_a_report_widens_the_horizons_that_hold_it_and_no_other(forecaster: Forecaster) -> None:
    quiet, due = (
        forecast_ticker(forecaster, prepare("A", 0, reports), LAST) for reports in (PAST, (*PAST, NEXT))
    )
    before, after = measure_steps(quiet), measure_steps(due)
    assert quiet.reports_ahead == (0,) * 6
    assert due.reports_ahead == (0, 0, 1, 1, 1, 1)
    np.testing.assert_array_equal(due.log_returns["random_walk"], quiet.log_returns["random_walk"])
    assert after[:2] == pytest.approx(before[:2], rel=0.05)
    assert after[2] > 3 * before[2]


def test_the_check_of_widths_lets_a_report_of_the_next_session_pass(forecaster: Forecaster) -> None:
    tomorrow = Report(date(2024, 6, 6), "before_open", date(2024, 5, 20))
    due = forecast_ticker(forecaster, prepare("A", 0, (*PAST, tomorrow)), LAST)
    assert due.reports_ahead == (1,) * 6
    width = measure_width(due, "calibrated") / measure_width(due, "random_walk")
    assert width[0] > forecaster.simulation.widest_band
    assert due.quality == "champion"


def test_the_check_of_widths_lets_the_calm_after_a_report_pass(forecaster: Forecaster) -> None:
    session = SESSIONS[int(np.searchsorted(np.array(SESSIONS), np.datetime64(PAST[-1].day))) + 3]
    after = forecast_ticker(forecaster, prepare("A", 0, PAST), session)
    width = measure_width(after, "calibrated") / measure_width(after, "random_walk")
    assert width[0] < forecaster.simulation.narrowest_band


def test_paths_and_bands_agree_on_a_report(forecaster: Forecaster, fitted: Model) -> None:
    due = prepare("A", 0, (*PAST, NEXT))
    bands = forecast_ticker(forecaster, due, LAST).log_returns["predictive"]
    ticker = build_ticker_features(
        due, forecaster.market, fitted.manifest.features, lookback=20, report_size=fitted.pool_report_size
    )
    paths = simulate_paths(fitted, ticker, SIMULATION, as_of=LAST)
    simulated = np.quantile(paths, SIMULATION.levels, axis=0).T
    found, expected = (each[2:, -1] - each[2:, 0] for each in (simulated, bands))
    assert found == pytest.approx(expected, rel=0.35)


def test_a_date_that_is_announced_later_changes_no_band(forecaster: Forecaster) -> None:
    later = Report(date(2024, 6, 25), "before_open", date(2024, 6, 6))
    known, unknown = (
        forecast_ticker(forecaster, prepare("A", 0, reports), LAST) for reports in (PAST, (*PAST, later))
    )
    assert known.data_fingerprint == unknown.data_fingerprint
    assert known.reports_ahead == unknown.reports_ahead
    np.testing.assert_array_equal(known.log_returns["predictive"], unknown.log_returns["predictive"])


def test_a_model_is_stored_with_the_size_of_the_reports_of_its_universe(fitted: Model) -> None:
    assert fitted.report_size is not None
    assert "report_growth" in fitted.manifest.features
    assert fitted.manifest.config.features == ()
    again = load_stored_model(fitted.version(), fitted.weights(), fitted.manifest.model_dump_json())
    assert again.report_size == fitted.report_size
    assert again.version() == fitted.version()


def test_a_model_of_dates_forecasts_a_ticker_that_has_none(forecaster: Forecaster) -> None:
    found = forecast_ticker(forecaster, prepare("A", 0, ()), LAST)
    assert np.isfinite(found.log_returns["predictive"]).all()


def test_without_dates_a_model_is_what_it_was(
    universe: Sequence[DailyReturns], tiny_config: ModelConfig
) -> None:
    bare = [prepare(returns.ticker, seed, ()) for seed, returns in enumerate(universe)]
    model = fit_model(bare, LAST, tiny_config, on_epoch=ignore_epoch)
    assert model.report_size is None
    assert "quarter_1" in model.manifest.features
    assert "report_growth" not in model.manifest.features
    assert model.manifest.config == tiny_config
