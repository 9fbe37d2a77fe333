"""Rows, realised returns and scores of a walk, and the calibration in between."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import make_actions, prepare_all, scale_after

from forecasting.backtesting.calibrated import calibrate_walk
from forecasting.backtesting.rows import realise, score_walk, tabulate_walk
from forecasting.backtesting.walk_forward import Issued
from forecasting.calendars.sessions import next_sessions
from forecasting.calibration import learn_calibration
from forecasting.config import CalibrationConfig
from forecasting.features.returns import DailyReturns
from forecasting.prices.history import PriceHistory, as_bars
from forecasting.tables import BACKTEST_ROWS, BAND_SCORES, CLOSED_BANDS

HORIZONS, LEVELS = (1, 3), (0.05, 0.5, 0.95)
TICKERS = ("AAA", "BBB")
CONFIG = CalibrationConfig()
Universe = Mapping[str, DailyReturns]
Histories = Mapping[str, PriceHistory]


def build_history(ticker: str, seed: int) -> PriceHistory:
    days = pd.DatetimeIndex(next_sessions("XNYS", date(2023, 12, 29), 60))
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, len(days))))
    return PriceHistory(ticker, as_bars(pd.DataFrame({"close": close}, days)), make_actions())


def prepare(histories: Histories) -> Universe:
    return {returns.ticker: returns for returns in prepare_all(histories.values())}


@pytest.fixture(scope="module")
def histories() -> Histories:
    return {ticker: build_history(ticker, seed) for seed, ticker in enumerate(TICKERS)}


@pytest.fixture(scope="module")
def universe(histories: Histories) -> Universe:
    return prepare(histories)


def issue_at(origin: date) -> Issued:
    targets = next_sessions("XNYS", origin, 3)
    band = np.array([[-0.01, 0.0, 0.01], [-0.02, 0.0, 0.02]])
    return Issued(
        origin=origin,
        horizons=HORIZONS,
        levels=LEVELS,
        tickers=TICKERS,
        regimes=("calm", "stress"),
        targets=((targets[0], targets[2]),) * 2,
        quantiles={"predictive": np.stack([band, 1.5 * band]), "random_walk": np.stack([2 * band, band])},
        remarks=(),
        reports_ahead=((0, 1),) * 2,
    )


ISSUED = [issue_at(day) for day in next_sessions("XNYS", date(2024, 1, 1), 40)]


def calibrate(issued: list[Issued], universe: Universe) -> list[Issued]:
    return [origin for origin, _ in calibrate_walk(issued, universe, CONFIG)]


def tabulate(issued: list[Issued], universe: Universe) -> pd.DataFrame:
    return tabulate_walk(issued, universe)


def test_outcomes_are_log_returns_to_the_target_session(universe: Universe, histories: Histories) -> None:
    issued = issue_at(date(2024, 1, 10))
    close = histories["AAA"].bars["close"]
    days = [pd.Timestamp(day) for day in issued.targets[0]]
    expected = np.log(close[days].to_numpy() / close["2024-01-10"])
    assert realise(issued, universe)[0] == pytest.approx(expected)


def test_a_missing_bar_at_the_target_is_no_outcome(histories: Histories) -> None:
    gap = replace(histories["AAA"], bars=histories["AAA"].bars.drop(pd.Timestamp("2024-01-11")))
    found = realise(issue_at(date(2024, 1, 10)), prepare({**histories, "AAA": gap}))
    assert np.isnan(found[0, 0])
    assert np.isfinite(found[0, 1])
    assert np.isfinite(found[1]).all()


def test_a_split_in_between_is_no_return(universe: Universe, histories: Histories) -> None:
    day = date(2024, 1, 12)
    split = replace(scale_after(histories["AAA"], date(2024, 1, 11), 0.25), actions=make_actions({day: 4.0}))
    issued = issue_at(date(2024, 1, 10))
    found = realise(issued, prepare({**histories, "AAA": split}))
    np.testing.assert_allclose(found, realise(issued, universe), atol=1e-12)


def test_rows_hold_every_quantile_in_order(universe: Universe) -> None:
    frame = BACKTEST_ROWS.check(tabulate(ISSUED[:3], universe))
    assert list(frame.columns) == BACKTEST_ROWS.names
    assert len(frame) == 3 * 2 * 2 * 2 * 3
    row = frame.iloc[((2 + 0) * 2 + 1) * 3 + 2]  # first origin, BBB, h = 1, random walk, 0.95
    assert (row.ticker, row.horizon, row.method, row.level) == ("BBB", 1, "random_walk", 0.95)
    assert row.log_return == 0.01
    assert row.reports_ahead == 0
    assert set(frame.loc[frame["horizon"] == 3, "reports_ahead"]) == {1}
    assert row.actual_log_return == realise(ISSUED[0], universe)[1, 0]
    assert row.target_session == pd.Timestamp(ISSUED[0].targets[1][0])


def test_a_method_without_a_forecast_has_no_rows_of_it(universe: Universe) -> None:
    quantiles = {**ISSUED[0].quantiles, "fhs": np.full((2, 2, 3), np.nan)}
    frame = tabulate([replace(ISSUED[0], quantiles=quantiles), ISSUED[1]], universe)
    assert set(frame["method"]) == {"predictive", "random_walk"}
    assert frame["log_return"].notna().all()


def test_a_walk_without_a_forecast_has_no_rows(universe: Universe) -> None:
    nothing = replace(ISSUED[0], tickers=(), regimes=(), targets=(), quantiles={})
    assert BACKTEST_ROWS.check(tabulate([nothing], universe)).empty
    assert BAND_SCORES.check(score_walk([nothing], universe)).empty
    assert realise(nothing, universe).size == 0


def test_the_calibration_is_that_of_the_bands_closed_by_the_origin(universe: Universe) -> None:
    calibrated, index = calibrate(ISSUED, universe), 30
    origin = calibrated[index]
    rows = [
        (
            *(ticker, before.origin, horizon, before.regimes[n], realise(before, universe)[n, h]),
            *(*band, *edges, before.reports_ahead[n][h]),
        )
        for before in calibrated[:index]
        for n, ticker in enumerate(TICKERS)
        for h, horizon in enumerate(HORIZONS)
        if before.targets[n][h] <= origin.origin
        for band in [before.quantiles["predictive"][n, h]]
        for edges in [before.quantiles["calibrated"][n, h, [0, 2]]]
    ]
    closed = CLOSED_BANDS.check(pd.DataFrame(rows, columns=CLOSED_BANDS.names))
    learned = learn_calibration(closed, LEVELS[0], CONFIG)
    predictive = ISSUED[index].quantiles["predictive"]
    for n, ticker in enumerate(TICKERS):
        expected = learned.apply(
            ticker,
            origin.regimes[n],
            predictive[n],
            levels=LEVELS,
            horizons=HORIZONS,
            reports_ahead=origin.reports_ahead[n],
        )
        np.testing.assert_array_equal(origin.quantiles["calibrated"][n], expected)
    assert (origin.quantiles["calibrated"] != predictive).any()


def test_the_first_origin_has_learned_nothing(universe: Universe) -> None:
    first = calibrate(ISSUED[:1], universe)[0]
    np.testing.assert_array_equal(first.quantiles["calibrated"], first.quantiles["predictive"])


def test_no_band_depends_on_prices_after_its_origin(universe: Universe, histories: Histories) -> None:
    day = ISSUED[20].origin
    shaken = prepare({ticker: scale_after(history, day, 1.5) for ticker, history in histories.items()})
    before, after = calibrate(ISSUED, universe), calibrate(ISSUED, shaken)
    for origin, other in zip(before[:21], after[:21], strict=True):
        np.testing.assert_array_equal(origin.quantiles["calibrated"], other.quantiles["calibrated"])
    assert (before[22].quantiles["calibrated"] != after[22].quantiles["calibrated"]).any()
