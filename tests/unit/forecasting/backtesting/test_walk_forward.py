"""What is issued from a past session: what the product would have issued, and nothing of what followed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import forecasting.backtesting.issue as module
import numpy as np
import pytest
from forecasting.backtesting.issue import Forecasters, Issued, issue

from forecasting.calendars.sessions import next_sessions
from forecasting.errors import GarchFitError
from forecasting.pipeline import make_forecast, market_of
from forecasting.prices.history import PriceHistory

ORIGIN = date(2024, 5, 14)
Histories = Mapping[str, PriceHistory]


@pytest.fixture(scope="module")
def issued(forecasters: Forecasters, by_ticker: Histories) -> Issued:
    return issue(forecasters, by_ticker, list(by_ticker), ORIGIN)


def test_the_bands_are_those_of_a_daily_run_at_that_close(
    issued: Issued, forecasters: Forecasters, by_ticker: Histories
) -> None:
    cut = {ticker: history.until(ORIGIN) for ticker, history in by_ticker.items()}
    market = market_of(cut.values(), ORIGIN, "split_adjusted")
    targets = next_sessions("XNYS", ORIGIN, 5)
    made = make_forecast(forecasters.model, cut["OLD"], market, targets, forecasters.simulation)
    row = issued.tickers.index("OLD")
    for band in ("mc_dropout", "predictive", "random_walk"):
        np.testing.assert_array_equal(issued.quantiles[band][row], made.log_returns[band][[0, 1, 4]])
    assert issued.regimes[row] == made.regime
    assert issued.targets[row] == (targets[0], targets[1], targets[4])


def test_a_later_price_changes_nothing(
    issued: Issued, forecasters: Forecasters, by_ticker: Histories
) -> None:
    def altered(history: PriceHistory) -> PriceHistory:
        bars = history.bars.copy()
        bars.loc[bars.index > str(ORIGIN), ["open", "high", "low", "close"]] *= 1.3
        return replace(history, bars=bars)

    changed = {ticker: altered(history) for ticker, history in by_ticker.items()}
    again = issue(forecasters, changed, list(changed), ORIGIN)
    assert (again.tickers, again.regimes, again.remarks) == (issued.tickers, issued.regimes, issued.remarks)
    for name, quantiles in issued.quantiles.items():
        np.testing.assert_array_equal(again.quantiles[name], quantiles)


def test_who_cannot_be_forecast_is_named(forecasters: Forecasters, by_ticker: Histories) -> None:
    halted = by_ticker["OLD"].until(date(2024, 5, 10))
    unborn = replace(by_ticker["NEW"], bars=by_ticker["NEW"].bars.loc["2024-05-20":])
    histories = {**by_ticker, "HALTED": replace(halted, ticker="HALTED"), "UNBORN": unborn}
    issued = issue(forecasters, histories, ["HALTED", "UNBORN", "OLD"], ORIGIN)
    assert issued.tickers == ("OLD",)
    assert [(one.ticker, one.what, one.reason) for one in issued.remarks if one.what == "all"] == [
        ("HALTED", "all", "stale"),
        ("UNBORN", "all", "short_history"),
    ]


def test_a_baseline_that_a_ticker_is_too_young_for_is_nan_and_named(issued: Issued) -> None:
    row = issued.tickers.index("NEW")  # 285 sessions: enough for the network, not for the residuals of FHS
    assert np.isnan(issued.quantiles["fhs"][row]).all()
    assert np.isfinite(issued.quantiles["random_walk"][row]).all()
    assert [(one.ticker, one.what, one.reason) for one in issued.remarks] == [("NEW", "fhs", "short_history")]


def test_where_garch_has_no_fit_the_random_walk_stands_in_and_it_is_said(
    forecasters: Forecasters, by_ticker: Histories, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(*_: object) -> None:
        raise GarchFitError("OLD", "no convergence")

    monkeypatch.setattr(module, "garch", stuck)
    issued = issue(forecasters, by_ticker, ["OLD"], ORIGIN)
    np.testing.assert_array_equal(issued.quantiles["garch"], issued.quantiles["random_walk"])
    assert [(one.what, one.reason) for one in issued.remarks] == [("garch", "no_fit")]


def test_an_origin_without_any_forecast_is_empty_and_says_why(
    forecasters: Forecasters, by_ticker: Histories
) -> None:
    issued = issue(forecasters, by_ticker, ["OLD", "NEW"], date(2024, 5, 18))  # a Saturday: COIN alone trades
    assert issued.tickers == ()
    assert [one.reason for one in issued.remarks] == ["stale", "stale"]
    assert issued.quantiles["predictive"].shape == (0, 3, 5)
