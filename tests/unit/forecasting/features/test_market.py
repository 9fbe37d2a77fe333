"""Market-wide variance and its log-HAR model."""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasting.errors import ModelError
from forecasting.features.lookback import WARM_UP, WINDOW, trailing_windows
from forecasting.features.market import (
    align_market,
    classify_regime,
    compute_market_variance,
    compute_relative_variance,
    fit_market,
    predict_market,
    require_recent,
)
from forecasting.features.returns import DailyReturns, compute_range_variance
from forecasting.prices.history import PriceHistory
from forecasting.types import Regime


def twin_of_relative_variance(bars: pd.DataFrame) -> pd.Series:
    log_return = np.log(bars["close"]).diff().to_numpy()
    ranges = pd.Series(compute_range_variance(bars, log_return), bars.index)
    return (ranges / ranges.rolling(WINDOW, min_periods=1).mean()).iloc[WARM_UP:]


def test_relative_variance_equals_its_twin_in_pandas(
    histories: Sequence[PriceHistory], universe: Sequence[DailyReturns]
) -> None:
    pd.testing.assert_series_equal(
        compute_relative_variance(universe[0]),
        twin_of_relative_variance(histories[0].bars),
        check_names=False,
        check_freq=False,
    )


def test_market_variance_is_the_mean_of_what_trades_where_at_least_half_does(
    histories: Sequence[PriceHistory], market: pd.Series
) -> None:
    each = pd.DataFrame(dict(enumerate(twin_of_relative_variance(history.bars) for history in histories)))
    begun = each.apply(lambda column: each.index >= column.first_valid_index())
    twin = each.mean(axis=1)[each.notna().sum(axis=1) >= begun.sum(axis=1) / 2].clip(lower=1e-4)
    pd.testing.assert_series_equal(market, twin, check_names=False, check_freq=False)
    assert market.index.is_monotonic_increasing


def test_the_market_is_closed_where_only_the_minority_trades(
    histories: Sequence[PriceHistory], market: pd.Series
) -> None:
    both_shares_listed = histories[1].bars.index[WARM_UP]
    assert set(market.loc[both_shares_listed:].index.day_of_week) == {0, 1, 2, 3, 4}


def test_a_market_up_to_a_day_is_the_market_cut_there(
    universe: Sequence[DailyReturns], market: pd.Series
) -> None:
    day = date(2024, 3, 1)
    known = compute_market_variance(returns.until(day) for returns in universe)
    pd.testing.assert_series_equal(known, market[: pd.Timestamp(day)], check_freq=False)


def test_the_order_of_the_universe_changes_no_more_than_rounding(
    universe: Sequence[DailyReturns], market: pd.Series
) -> None:
    pd.testing.assert_series_equal(compute_market_variance(universe[::-1]), market, check_freq=False)


def test_a_market_of_one_ticker_is_normal_in_the_mean(universe: Sequence[DailyReturns]) -> None:
    assert compute_market_variance(universe[:1]).mean() == pytest.approx(1, abs=0.3)


def test_tickers_without_bars_do_not_count_and_a_universe_of_none_is_refused(
    universe: Sequence[DailyReturns],
) -> None:
    unlisted = universe[1].until(date(2000, 1, 3))
    beside = compute_market_variance([universe[0], unlisted])
    pd.testing.assert_series_equal(beside, compute_market_variance(universe[:1]))
    with pytest.raises(ModelError, match="found none; ingest them first"):
        compute_market_variance([unlisted])


def test_tickers_that_have_gone_count_for_thirty_sessions(universe: Sequence[DailyReturns]) -> None:
    alone = compute_market_variance(universe[:1])
    last, again = alone.index[-100], alone.index[-69]
    gone = [returns.until(last.date()) for returns in universe[1:4]]
    market = compute_market_variance([universe[0], *gone])
    known = market[market.index > last]
    assert known.index[0] == again
    pd.testing.assert_series_equal(known, alone[again:], check_freq=False)


def test_a_market_of_a_month_ago_is_refused_and_an_empty_one_is_not() -> None:
    market = pd.Series([2.0], pd.to_datetime(["2024-06-03"]))
    require_recent(market, date(2024, 7, 4))
    require_recent(market.iloc[:0], date(2024, 7, 4))
    with pytest.raises(ModelError, match=r"up to 2024-07-05, found them up to 2024-06-03; .* retrain"):
        require_recent(market, date(2024, 7, 5))


def test_aligning_gives_the_newest_known_value_and_one_before_the_first() -> None:
    market = pd.Series([2.0, 3.0], pd.to_datetime(["2024-06-03", "2024-06-05"]))
    sessions = pd.to_datetime(["2024-05-31", "2024-06-03", "2024-06-04", "2024-06-05", "2024-06-06"])
    assert align_market(market, sessions).tolist() == [1.0, 2.0, 2.0, 3.0, 3.0]


def test_the_coefficients_of_a_market_that_follows_the_model_are_found() -> None:
    rng, true = np.random.default_rng(5), np.array([-0.1, 0.5, 0.2, 0.1])
    values = np.exp(rng.normal(0, 0.5, 4000))
    for session in range(WARM_UP, len(values)):
        past = values[session - WARM_UP : session]
        weights = [decay ** np.arange(WARM_UP - 1, -1, -1.0) for decay in (0.8, 0.94, 1.0)]
        scales = [np.log(np.average(past, weights=each)) for each in weights]
        values[session] = np.exp(true @ [1.0, *scales] + rng.normal(0, 0.3))
    found = fit_market(values)
    np.testing.assert_allclose(found[1:].sum(), true[1:].sum(), atol=0.15)
    assert found[1] == pytest.approx(true[1], abs=0.1)


def test_a_market_too_short_to_fit_is_expected_to_stay_at_its_recent_level() -> None:
    coefficients = fit_market(np.full(100, 2.0))
    assert predict_market(coefficients, np.full(WINDOW, 2.0)) == pytest.approx(2.0)


def test_a_prediction_stays_finite_for_any_coefficients() -> None:
    windows = trailing_windows(np.full(WINDOW, 1e9))[-1]
    assert predict_market(np.full(4, 1e3), windows) == pytest.approx(np.exp(7))


@pytest.mark.parametrize(
    ("log_volatility", "regime"),
    [(-0.3, "calm"), (-0.26, "calm"), (-0.24, "normal"), (0.0, "normal"), (0.09, "normal"), (0.11, "stress")],
)
def test_a_regime_is_the_level_of_the_market_at_the_end_of_its_window(
    log_volatility: float, regime: Regime
) -> None:
    window = np.full(WINDOW, np.exp(2 * log_volatility))
    window[: WINDOW - WARM_UP] = 100.0  # long ago
    assert classify_regime(window) == regime
