"""Forecasts from past sessions: what the product would have issued, and nothing of what followed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from synthetic_prices import prepare_all, returns_of_steps, scale_after

from forecasting.backtesting.walk_forward import (
    BASELINES,
    Execution,
    Issued,
    Methods,
    Remark,
    issue_forecasts,
    list_left_out,
    walk_forward,
)
from forecasting.calendars.sessions import next_sessions
from forecasting.features.market import compute_market_variance
from forecasting.features.returns import DailyReturns
from forecasting.pipeline import forecast_ticker
from forecasting.prices.history import PriceHistory

ORIGIN = date(2024, 5, 14)
SATURDAY = date(2024, 5, 18)  # COIN alone trades
ORIGINS = (date(2024, 5, 15), date(2024, 5, 22), date(2024, 6, 3))
SHARES = ["OLD", "NEW"]


@pytest.fixture(scope="module")
def issued(methods: Methods, by_ticker: Mapping[str, DailyReturns]) -> Issued:
    return issue_forecasts(ORIGIN, methods=methods, universe=by_ticker, tickers=list(by_ticker))


def test_the_bands_are_those_of_a_daily_run_at_that_close(
    issued: Issued, methods: Methods, histories: Sequence[PriceHistory]
) -> None:
    known = prepare_all(history.until(ORIGIN) for history in histories)
    forecaster = replace(methods.forecaster, market=compute_market_variance(known))
    made = forecast_ticker(forecaster, known[0], ORIGIN)
    row = issued.tickers.index("OLD")
    for band in ("mc_dropout", "predictive", "random_walk"):
        np.testing.assert_array_equal(issued.quantiles[band][row], made.log_returns[band][[0, 1, 4]])
    assert issued.regimes[row] == made.regime
    targets = next_sessions("XNYS", ORIGIN, 5)
    assert issued.targets[row] == (targets[0], targets[1], targets[4])


def test_the_methods_are_the_bands_of_the_network_and_the_baselines(issued: Issued) -> None:
    assert tuple(issued.quantiles) == ("mc_dropout", "predictive", *BASELINES)
    assert {quantiles.shape for quantiles in issued.quantiles.values()} == {(3, 3, 5)}


def test_a_later_price_changes_nothing(
    issued: Issued, methods: Methods, histories: Sequence[PriceHistory]
) -> None:
    changed = prepare_all(scale_after(history, ORIGIN, 1.3) for history in histories)
    forecaster = replace(methods.forecaster, market=compute_market_variance(changed))
    again = issue_forecasts(
        ORIGIN,
        methods=replace(methods, forecaster=forecaster),
        universe={returns.ticker: returns for returns in changed},
        tickers=[returns.ticker for returns in changed],
    )
    assert (again.tickers, again.regimes, again.remarks) == (issued.tickers, issued.regimes, issued.remarks)
    for name, quantiles in issued.quantiles.items():
        np.testing.assert_array_equal(again.quantiles[name], quantiles)


def test_a_ticker_that_cannot_be_forecast_is_named(
    methods: Methods, by_ticker: Mapping[str, DailyReturns], histories: Sequence[PriceHistory]
) -> None:
    halted = replace(by_ticker["OLD"].until(date(2024, 5, 10)), ticker="HALTED")
    (unborn,) = prepare_all([replace(histories[1], bars=histories[1].bars.loc["2024-05-20":])])
    universe = {**by_ticker, "HALTED": halted, "UNBORN": replace(unborn, ticker="UNBORN")}
    issued = issue_forecasts(
        ORIGIN, methods=methods, universe=universe, tickers=["HALTED", "UNBORN", "ABSENT", "OLD"]
    )
    assert issued.tickers == ("OLD",)
    assert [(remark.ticker, remark.method, remark.reason) for remark in issued.remarks] == [
        ("HALTED", "all", "stale"),
        ("UNBORN", "all", "short_history"),
        ("ABSENT", "all", "short_history"),
    ]
    assert {remark.origin for remark in issued.remarks} == {ORIGIN}


def test_a_baseline_that_a_ticker_is_too_young_for_is_nan_and_named(issued: Issued) -> None:
    row = issued.tickers.index("NEW")  # 285 sessions: enough for the network, not for the residuals of FHS
    assert np.isnan(issued.quantiles["fhs"][row]).all()
    assert np.isfinite(issued.quantiles["random_walk"][row]).all()
    assert [(remark.ticker, remark.method, remark.reason) for remark in issued.remarks] == [
        ("NEW", "fhs", "short_history")
    ]


def test_where_garch_has_no_fit_the_random_walk_stands_in_and_is_named(methods: Methods) -> None:
    flat = returns_of_steps(np.zeros(400), "FLAT")
    issued = issue_forecasts(ORIGIN, methods=methods, universe={"FLAT": flat}, tickers=["FLAT"])
    np.testing.assert_array_equal(issued.quantiles["garch"], issued.quantiles["random_walk"])
    (remark,) = issued.remarks
    assert (remark.ticker, remark.method, remark.reason) == ("FLAT", "garch", "no_fit")
    assert "returns that never vary" in remark.detail


def test_bands_that_would_not_be_published_are_scored_and_named(
    methods: Methods, by_ticker: Mapping[str, DailyReturns], issued: Issued
) -> None:
    bounds = {"narrowest_band": 1.0, "widest_band": 1.0}
    simulation = methods.forecaster.simulation.model_copy(update=bounds)
    strict = replace(methods, forecaster=replace(methods.forecaster, simulation=simulation))
    refused = issue_forecasts(ORIGIN, methods=strict, universe=by_ticker, tickers=["OLD"])
    np.testing.assert_array_equal(
        refused.quantiles["predictive"][0], issued.quantiles["predictive"][issued.tickers.index("OLD")]
    )
    (remark,) = refused.remarks
    assert (remark.ticker, remark.method, remark.reason) == ("OLD", "predictive", "not_published")
    assert "times the random walk's width" in remark.detail


def test_the_linear_part_alone_walks_beside_the_corrected_bands(
    methods: Methods, by_ticker: Mapping[str, DailyReturns]
) -> None:
    model = methods.forecaster.model
    assert model is not None
    corrected = replace(model, manifest=model.manifest.model_copy(update={"no_correction": ""}))
    for own, same in ((model, True), (corrected, False)):
        walked = replace(methods, forecaster=replace(methods.forecaster, model=own))
        quantiles = issue_forecasts(ORIGIN, methods=walked, universe=by_ticker, tickers=["OLD"]).quantiles
        assert np.array_equal(quantiles["har"], quantiles["predictive"]) == same


def test_an_origin_without_any_forecast_is_empty_and_has_its_reasons(
    methods: Methods, by_ticker: Mapping[str, DailyReturns]
) -> None:
    issued = issue_forecasts(SATURDAY, methods=methods, universe=by_ticker, tickers=SHARES)
    assert issued.tickers == ()
    assert [remark.reason for remark in issued.remarks] == ["stale", "stale"]
    assert issued.quantiles["predictive"].shape == (0, 3, 5)


def test_every_ticker_is_forecast_at_every_origin_in_order(
    methods: Methods, by_ticker: Mapping[str, DailyReturns]
) -> None:
    reported: list[tuple[int, int]] = []
    walk = walk_forward(
        replace(methods, baselines=("random_walk",)),
        by_ticker,
        SHARES,
        origins=ORIGINS,
        execution=Execution(lambda done, total: reported.append((done, total))),
    )
    issued = list(walk)
    assert [(each.origin, each.tickers) for each in issued] == [(day, ("OLD", "NEW")) for day in ORIGINS]
    assert reported == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("most", [1, 2])
def test_the_bands_of_a_ticker_do_not_depend_on_the_others_or_on_earlier_origins(
    most: int, issued: Issued, methods: Methods, by_ticker: Mapping[str, DailyReturns]
) -> None:
    tickers = list(by_ticker)[:most]
    *_, last = walk_forward(methods, by_ticker, tickers, origins=(ORIGIN, ORIGIN)[:most])
    for name, quantiles in last.quantiles.items():
        np.testing.assert_array_equal(quantiles, issued.quantiles[name][:most])


def remark_on(origin: date, ticker: str, method: str = "all") -> Remark:
    return Remark(origin, ticker, method, "stale", f"{ticker} at {origin}")


def test_a_ticker_is_left_out_where_no_origin_could_forecast_it(issued: Issued) -> None:
    first, last = ORIGINS[0], ORIGINS[-1]
    walk = [
        replace(issued, origin=first, tickers=("A",), remarks=(remark_on(first, "B"), remark_on(first, "C"))),
        replace(
            issued,
            origin=last,
            tickers=("C",),
            remarks=(remark_on(last, "A"), remark_on(last, "B"), remark_on(last, "C", "fhs")),
        ),
    ]
    assert list_left_out(walk) == {"B": f"B at {last}"}
    assert list_left_out([]) == {}
