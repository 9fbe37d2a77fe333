"""The verbs of the pipeline, and the forecast that they make."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic_forecasts import on_basis
from synthetic_prices import AS_OF, PRICES, make_actions, make_returns, prepare_all, scale_after

from forecasting.calendars.lookup import CalendarChange, Calendars, find_targets
from forecasting.calibration import Calibration
from forecasting.config import SimulationConfig
from forecasting.errors import (
    BadBarsError,
    SessionsUnknownError,
    ShortHistoryError,
    StaleHistoryError,
    UnknownExchangeError,
    UnknownTickerError,
    UsageError,
)
from forecasting.features.lookback import WARM_UP
from forecasting.features.preparation import prepare_returns
from forecasting.features.returns import DailyReturns
from forecasting.forecast import Forecast
from forecasting.model.artifact import Model
from forecasting.model.dataset import build_ticker_features
from forecasting.model.heads import bound_medians, forecast_heads
from forecasting.pipeline import (
    Forecaster,
    build_last_window,
    forecast_ticker,
)
from forecasting.prices.history import PriceHistory
from forecasting.types import Band, PriceBasis, values

TARGETS = (date(2024, 6, 6), date(2024, 6, 7), date(2024, 6, 10), date(2024, 6, 11), date(2024, 6, 12))


@pytest.fixture(scope="module")
def forecast(forecaster: Forecaster, universe: Sequence[DailyReturns]) -> Forecast:
    return forecast_ticker(forecaster, universe[0], AS_OF)


@pytest.fixture(scope="module")
def baseline(forecaster: Forecaster) -> Forecaster:
    return replace(forecaster, model=None)


def test_a_forecast_names_what_it_is_of(
    forecast: Forecast, histories: Sequence[PriceHistory], tiny_simulation: SimulationConfig
) -> None:
    assert (forecast.ticker, forecast.as_of, forecast.quality) == ("OLD", AS_OF, "champion")
    assert forecast.anchor_close == histories[0].bars["close"].iloc[-1]
    assert forecast.target_sessions == TARGETS
    assert forecast.horizon == tiny_simulation.horizon
    assert forecast.nominal_coverage == 0.9
    assert forecast.price_basis == "split_adjusted"
    assert forecast.n_outcomes == (0,) * 5


def test_a_forecast_has_all_bands_at_all_horizons_and_levels(forecast: Forecast) -> None:
    assert tuple(forecast.log_returns) == values(Band)
    assert {quantiles.shape for quantiles in forecast.log_returns.values()} == {(5, 5)}
    assert forecast.model_variance.shape == forecast.noise_variance.shape == (5,)


def test_the_bands_and_variances_are_those_of_the_dropout_runs(
    forecast: Forecast,
    model: Model,
    universe: Sequence[DailyReturns],
    market: pd.Series,
    tiny_simulation: SimulationConfig,
) -> None:
    ticker = build_ticker_features(universe[0], market, model.manifest.features, lookback=20)
    runs = forecast_heads(model, ticker, tiny_simulation, as_of=AS_OF)
    levels = tiny_simulation.levels
    mixture, averaged = (
        bound_medians(quantiles(levels), tiny_simulation)
        for quantiles in (runs.mixture_quantiles, runs.quantiles)
    )
    np.testing.assert_array_equal(forecast.log_returns["mc_dropout"], mixture)
    np.testing.assert_array_equal(forecast.log_returns["predictive"], averaged)
    np.testing.assert_array_equal(forecast.model_variance, runs.model_variance)
    np.testing.assert_array_equal(forecast.noise_variance, runs.noise_variance)
    widths = [np.ptp(forecast.log_returns[band], axis=1) for band in ("mc_dropout", "predictive")]
    np.testing.assert_allclose(widths[0], widths[1], rtol=0.2)


def test_a_median_that_promises_too_much_moves_its_whole_band(
    forecaster: Forecaster, universe: Sequence[DailyReturns], forecast: Forecast
) -> None:
    bounded = replace(forecaster, simulation=forecaster.simulation.model_copy(update={"largest_drift": 1e-6}))
    found = forecast_ticker(bounded, universe[0], AS_OF).log_returns["predictive"]
    middle = forecast.levels.index(0.5)
    assert (np.abs(found[:, middle]) <= 1e-6 * np.arange(1, 6) / 30 + 1e-12).all()
    before = forecast.log_returns["predictive"]
    np.testing.assert_allclose(found - found[:, [middle]], before - before[:, [middle]], atol=1e-12)


@given(st.floats(0.005, 0.12), st.floats(-0.2, 0.2))
def test_no_median_promises_more_than_two_percent_in_thirty_sessions(sigma: float, drift: float) -> None:
    config = SimulationConfig()
    horizons = np.arange(1, 31)[:, None]
    quantiles = drift * sigma * horizons + sigma * np.sqrt(horizons) * np.array([-1.64, -0.67, 0, 0.67, 1.64])
    found = bound_medians(quantiles, config)
    assert np.expm1(np.abs(found[:, 2])).max() <= 0.02
    modest = np.abs(quantiles[:, 2]) <= 0.0198 * horizons[:, 0] / 30
    np.testing.assert_array_equal(found[modest], quantiles[modest])


def test_the_calibrated_band_is_what_the_calibration_makes_of_the_predictive_one(
    forecaster: Forecaster, universe: Sequence[DailyReturns], forecast: Forecast
) -> None:
    wider = Calibration(
        np.full((2, 5), np.log(2)), {}, np.zeros((3, 2, 5)), pooled=np.array([9.0, 8, 7, 6, 5])
    )
    found = forecast_ticker(replace(forecaster, calibration=wider), universe[0], AS_OF)
    expected = wider.apply("OLD", found.regime, found.log_returns["predictive"], levels=found.levels)
    np.testing.assert_array_equal(found.log_returns["calibrated"], expected)
    np.testing.assert_array_equal(found.log_returns["predictive"], forecast.log_returns["predictive"])
    assert found.n_outcomes == (9, 8, 7, 6, 5)


def test_uncertainty_grows_with_the_horizon(forecaster: Forecaster, universe: Sequence[DailyReturns]) -> None:
    config = SimulationConfig(horizon=5, dropout_runs=20, noise_paths=20)
    found = forecast_ticker(replace(forecaster, simulation=config), universe[0], AS_OF)
    assert (np.diff(found.noise_variance) > 0).all()
    assert found.noise_variance[4] == pytest.approx(5 * found.noise_variance[0], rel=0.6)


def test_another_price_market_or_action_is_another_fingerprint(
    forecaster: Forecaster,
    histories: Sequence[PriceHistory],
    universe: Sequence[DailyReturns],
    forecast: Forecast,
) -> None:
    bars = histories[0].bars.copy()
    bars.iloc[100, bars.columns.get_loc("close")] *= 1.0001
    dividend = make_actions(dividends={bars.index[300].date(): 0.5})
    (other,) = prepare_all([replace(histories[0], bars=bars)])
    paid = prepare_returns(replace(histories[0], actions=dividend), "total_return")
    found = [
        forecast_ticker(forecaster, other, AS_OF),
        forecast_ticker(on_basis(forecaster, "total_return"), paid, AS_OF),
        forecast_ticker(replace(forecaster, market=1.001 * forecaster.market), universe[0], AS_OF),
    ]
    digests = {each.data_fingerprint for each in [forecast, *found]}
    assert len(digests) == 4
    assert forecast_ticker(forecaster, universe[0], AS_OF).data_fingerprint == forecast.data_fingerprint


@pytest.mark.parametrize("later", [date(2024, 6, 4), date(2024, 4, 15)])
def test_a_forecast_from_an_earlier_session_sees_nothing_later(
    later: date, forecaster: Forecaster, histories: Sequence[PriceHistory], universe: Sequence[DailyReturns]
) -> None:
    (crashed,) = prepare_all([scale_after(histories[0], later, 0.1)])
    market = forecaster.market.mask(forecaster.market.index > pd.Timestamp(later), 9.0)
    found = forecast_ticker(forecaster, universe[0], later)
    other = forecast_ticker(replace(forecaster, market=market), crashed, later)
    assert found.as_of == later
    assert other.data_fingerprint == found.data_fingerprint
    for band, quantiles in found.log_returns.items():
        np.testing.assert_array_equal(other.log_returns[band], quantiles)


def test_returns_that_cannot_carry_a_forecast_are_refused(
    forecaster: Forecaster, universe: Sequence[DailyReturns]
) -> None:
    young = make_returns("YOUNG", 82, seed=1)
    with pytest.raises(ShortHistoryError, match="YOUNG: expected at least 83 sessions of history, found 82"):
        forecast_ticker(forecaster, young, AS_OF)
    with pytest.raises(ShortHistoryError, match="found 0"):
        forecast_ticker(forecaster, young, date(2000, 1, 3))
    with pytest.raises(StaleHistoryError, match="a bar for session 2024-06-06, found the last at 2024-06-05"):
        forecast_ticker(forecaster, universe[0], date(2024, 6, 6))
    with pytest.raises(StaleHistoryError, match="expected a bar for session 2024-06-02"):
        forecast_ticker(forecaster, universe[0], date(2024, 6, 2))  # a Sunday


def test_a_baseline_needs_no_lookback_but_a_volatility(baseline: Forecaster) -> None:
    young = make_returns("YOUNG", WARM_UP + 1, seed=1)
    assert forecast_ticker(baseline, young, AS_OF).quality == "baseline"
    with pytest.raises(ShortHistoryError, match="at least 64 sessions of history, found 63"):
        forecast_ticker(baseline, make_returns("YOUNG", WARM_UP, seed=1), AS_OF)


def test_targets_follow_closures_and_symbols_that_are_set() -> None:
    closed = CalendarChange("XNYS", date(2025, 1, 15), "closure")
    calendars = Calendars({"^XYZ": "XBOM"}, frozenset([closed]))
    assert find_targets("AAPL", date(2025, 1, 14), 1, calendars=calendars) == (date(2025, 1, 16),)
    assert find_targets("^XYZ", date(2019, 12, 31), 1, calendars=calendars) == (date(2020, 1, 1),)


def test_targets_are_the_next_sessions_of_the_tickers_own_exchange() -> None:
    assert find_targets("AAPL", date(2024, 12, 23), 3) == (
        date(2024, 12, 24),
        date(2024, 12, 26),
        date(2024, 12, 27),
    )
    assert find_targets("BTC-USD", date(2024, 12, 24), 2) == (date(2024, 12, 25), date(2024, 12, 26))
    assert find_targets("7203.T", date(2024, 12, 30), 1) == (date(2025, 1, 6),)
    with pytest.raises(UnknownExchangeError, match="BRK-B"):
        find_targets("BRK.B", AS_OF, 1)
    with pytest.raises(SessionsUnknownError, match=r"INFY\.NS: .* 30 sessions after 2026-12-01") as caught:
        find_targets("INFY.NS", date(2026, 12, 1), 30)
    assert caught.value.reason == "sessions_unknown"


def test_bars_that_no_market_prints_are_refused_when_returns_are_prepared(
    histories: Sequence[PriceHistory],
) -> None:
    bars = histories[0].bars.copy()
    bars.iloc[-1, bars.columns.get_loc("close")] = np.nan
    with pytest.raises(BadBarsError, match="OLD: expected a close in every bar"):
        prepare_returns(replace(histories[0], bars=bars), "split_adjusted")
    with pytest.raises(UnknownTickerError):
        prepare_returns(replace(histories[0], bars=bars.iloc[:0]), "split_adjusted")


def test_a_ticker_that_the_model_never_saw_is_forecast_like_any_other(forecaster: Forecaster) -> None:
    found = forecast_ticker(forecaster, make_returns("NEVER SEEN", 120, seed=5), AS_OF)
    assert np.isfinite(found.log_returns["predictive"]).all()


def test_a_flat_ticker_is_forecast_in_a_band_of_almost_no_width(
    forecaster: Forecaster, histories: Sequence[PriceHistory]
) -> None:
    bars = histories[0].bars.assign(**dict.fromkeys(PRICES, 5.0))
    (flat,) = prepare_all([replace(histories[0], ticker="PEG", bars=bars)])
    found = forecast_ticker(forecaster, flat, AS_OF).log_returns
    assert 0 < np.ptp(found["predictive"][0]) <= 3 * np.ptp(found["random_walk"][0])
    assert np.abs(found["predictive"]).max() < 0.01


def test_a_baseline_forecast_is_the_cone_of_the_random_walk(
    baseline: Forecaster, universe: Sequence[DailyReturns], forecast: Forecast
) -> None:
    found = forecast_ticker(baseline, universe[0], AS_OF)
    cone = forecast.log_returns["random_walk"]
    assert found.log_returns.keys() == {"predictive", "calibrated", "random_walk"}
    for quantiles in found.log_returns.values():
        np.testing.assert_array_equal(quantiles, cone)
    window = build_last_window(universe[0], baseline.market)
    np.testing.assert_array_equal(found.noise_variance, window.volatility**2 * np.arange(1, 6))
    assert not found.model_variance.any()
    same: tuple[Any, ...] = (forecast.target_sessions, forecast.regime, forecast.data_fingerprint)
    assert (found.target_sessions, found.regime, found.data_fingerprint) == same


def test_a_baseline_knows_no_calibration_and_stands_on_its_own_rung(
    baseline: Forecaster, universe: Sequence[DailyReturns]
) -> None:
    learned = Calibration(np.ones((2, 5)), {}, np.zeros((3, 2, 5)), pooled=np.full(5, 99.0))
    forecaster = replace(baseline, calibration=learned, quality="previous")
    found = forecast_ticker(forecaster, universe[0], AS_OF)
    assert found.quality == "baseline"
    assert found.n_outcomes == (0,) * 5
    np.testing.assert_array_equal(found.log_returns["calibrated"], found.log_returns["predictive"])


def test_a_model_forecasts_on_the_rung_that_it_stands_on(
    forecaster: Forecaster, universe: Sequence[DailyReturns]
) -> None:
    assert forecast_ticker(replace(forecaster, quality="previous"), universe[0], AS_OF).quality == "previous"


@pytest.mark.parametrize("has_model", [True, False])
@pytest.mark.parametrize("basis", values(PriceBasis))
def test_a_forecast_is_on_the_basis_of_its_returns(
    basis: PriceBasis, has_model: bool, forecaster: Forecaster, histories: Sequence[PriceHistory]
) -> None:
    """A payout of a tenth last week: a fall of the price, and nothing at all of the total return."""
    session = histories[0].bars.index[-4]
    paid = scale_after(histories[0], histories[0].bars.index[-5].date(), 0.9)
    payout = 0.1 * paid.bars["close"].iloc[-5]
    paid = replace(paid, actions=make_actions(dividends={session.date(): payout}))
    used = on_basis(forecaster if has_model else replace(forecaster, model=None), basis)
    found = forecast_ticker(used, prepare_returns(paid, basis), AS_OF)
    plain = forecast_ticker(used, prepare_returns(histories[0], basis), AS_OF)
    assert found.price_basis == basis
    assert found.anchor_close == pytest.approx(0.9 * plain.anchor_close)
    cone, expected = (each.log_returns["random_walk"] for each in (found, plain))
    if basis == "total_return":
        np.testing.assert_allclose(cone, expected)
    else:
        assert (np.ptp(cone, axis=1) > 1.3 * np.ptp(expected, axis=1)).all()


def test_returns_on_another_basis_than_the_models_are_refused(
    forecaster: Forecaster, histories: Sequence[PriceHistory]
) -> None:
    with pytest.raises(UsageError, match="the model's basis split_adjusted, found total_return"):
        forecast_ticker(forecaster, prepare_returns(histories[0], "total_return"), AS_OF)
