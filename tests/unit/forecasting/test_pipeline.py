"""The verbs, and the forecast that they make."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from forecasting.config import SimulationConfig
from forecasting.errors import BadBarsError, ShortHistoryError, StaleHistoryError
from forecasting.forecast import BANDS
from forecasting.pipeline import fingerprint, make_forecast, market_of, require_fresh
from forecasting.prices.history import PriceHistory

AS_OF = date(2024, 6, 5)
TARGETS = [AS_OF + timedelta(days) for days in (1, 2, 5, 6, 7)]


@pytest.fixture(scope="module")
def forecast(model, histories, market, tiny_simulation):
    return make_forecast(model, histories[0], market, TARGETS, tiny_simulation)


def test_a_forecast_says_what_it_is_of(forecast, histories, tiny_simulation):
    assert (forecast.ticker, forecast.as_of, forecast.quality) == ("OLD", AS_OF, "champion")
    assert forecast.anchor_close == histories[0].bars["close"].iloc[-1]
    assert forecast.target_sessions == tuple(TARGETS)
    assert forecast.horizon == tiny_simulation.horizon
    assert forecast.coverage == 0.9


def test_a_forecast_has_all_bands_at_all_horizons_and_levels(forecast):
    assert tuple(forecast.log_returns) == BANDS
    assert {quantiles.shape for quantiles in forecast.log_returns.values()} == {(5, 5)}
    assert forecast.model_variance.shape == forecast.noise_variance.shape == (5,)


def test_prices_are_the_anchor_times_the_return(forecast):
    expected = forecast.anchor_close * np.exp(forecast.log_returns["predictive"])
    np.testing.assert_array_equal(forecast.prices("predictive"), expected)
    np.testing.assert_array_equal(forecast.column("predictive", 0.95), expected[:, 4])


def test_uncertainty_grows_with_the_horizon(model, histories, market):
    config = SimulationConfig(horizon=5, dropout_runs=20, noise_paths=20)
    found = make_forecast(model, histories[0], market, TARGETS, config)
    assert (np.diff(found.noise_variance) > 0).all()
    assert found.noise_variance[4] == pytest.approx(5 * found.noise_variance[0], rel=0.6)


def test_another_price_is_another_fingerprint(model, histories, market, tiny_simulation, forecast):
    bars = histories[0].bars.copy()
    bars.iloc[100, bars.columns.get_loc("close")] *= 1.0001
    other = PriceHistory("OLD", bars, histories[0].actions)
    found = make_forecast(model, other, market, TARGETS, tiny_simulation)
    assert found.data_fingerprint != forecast.data_fingerprint
    again = make_forecast(model, histories[0], market, TARGETS, tiny_simulation)
    assert again.data_fingerprint == forecast.data_fingerprint


def test_a_history_that_cannot_carry_a_forecast_is_refused(model, histories, market, tiny_simulation):
    young = PriceHistory("YOUNG", histories[0].bars.iloc[-82:], histories[0].actions)
    with pytest.raises(ShortHistoryError, match="YOUNG: expected at least 83 sessions of history, found 82"):
        make_forecast(model, young, market, TARGETS, tiny_simulation)
    bars = histories[0].bars.copy()
    bars.iloc[-1, bars.columns.get_loc("close")] = np.nan
    with pytest.raises(BadBarsError, match="OLD: expected a close in every bar"):
        make_forecast(
            model, PriceHistory("OLD", bars, histories[0].actions), market, TARGETS, tiny_simulation
        )


def test_a_ticker_that_the_model_never_saw_is_forecast_like_any_other(
    model, make_history, market, tiny_simulation
):
    found = make_forecast(model, make_history("NEVER SEEN", 120, seed=5), market, TARGETS, tiny_simulation)
    assert np.isfinite(found.log_returns["predictive"]).all()


def test_a_flat_ticker_is_forecast_in_a_band_of_almost_no_width(model, histories, market, tiny_simulation):
    bars = histories[0].bars.assign(open=5.0, high=5.0, low=5.0, close=5.0)
    found = make_forecast(
        model, PriceHistory("PEG", bars, histories[0].actions), market, TARGETS, tiny_simulation
    )
    assert np.abs(found.log_returns["predictive"]).max() < 0.01


def test_a_fresh_history_is_cut_at_the_session(histories):
    day = date(2024, 6, 3)
    assert require_fresh(histories[0], day).last_session == day


def test_a_history_without_the_session_is_stale_and_one_without_bars_is_short(histories):
    with pytest.raises(
        StaleHistoryError, match="expected a bar for session 2024-06-06, found the last at 2024-06-05"
    ):
        require_fresh(histories[0], date(2024, 6, 6))
    with pytest.raises(StaleHistoryError, match="expected a bar for session 2024-06-02"):
        require_fresh(histories[0], date(2024, 6, 2))  # a Sunday
    with pytest.raises(ShortHistoryError, match="found 0"):
        require_fresh(histories[0], date(2000, 1, 3))


def test_the_fingerprint_of_several_histories_does_not_depend_on_their_order(histories):
    assert fingerprint(histories) == fingerprint(histories[::-1])
    assert fingerprint(histories) != fingerprint(histories[:2])


def test_the_market_as_of_a_day_ends_there(histories, market):
    day = date(2024, 3, 1)
    found = market_of(histories, day, "split_adjusted")
    pd.testing.assert_series_equal(found, market[: pd.Timestamp(day)], check_freq=False)
