"""Rows, outcomes, and the calibration in between: a canary for what must not be known."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from forecasting.backtesting.issue import Issued

from forecasting.backtesting.calibrated import calibrated
from forecasting.backtesting.rows import Outcomes, rows_of
from forecasting.calendars.sessions import next_sessions
from forecasting.calibration import CLOSED, learn
from forecasting.config import CalibrationConfig
from forecasting.evaluation.panel import COLUMNS
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory, as_actions, as_bars

HORIZONS, LEVELS = (1, 3), (0.05, 0.5, 0.95)
TICKERS = ("AAA", "BBB")
CONFIG = CalibrationConfig()


def history(ticker: str, seed: int) -> PriceHistory:
    days = pd.DatetimeIndex(next_sessions("XNYS", date(2023, 12, 29), 60))
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, len(days))))
    return PriceHistory(
        ticker, as_bars(pd.DataFrame({"close": close}, days)), as_actions(pd.DataFrame(index=days[:0]))
    )


@pytest.fixture(scope="module")
def histories() -> dict[str, PriceHistory]:
    return {ticker: history(ticker, seed) for seed, ticker in enumerate(TICKERS)}


def issued_at(origin: date) -> Issued:
    targets = next_sessions("XNYS", origin, 3)
    band = np.array([[-0.01, 0.0, 0.01], [-0.02, 0.0, 0.02]])
    return Issued(
        origin=origin,
        tickers=TICKERS,
        regimes=("calm", "stress"),
        targets=((targets[0], targets[2]),) * 2,
        quantiles={"predictive": np.stack([band, 1.5 * band]), "random_walk": np.stack([2 * band, band])},
        remarks=(),
    )


@pytest.fixture(scope="module")
def issued() -> list[Issued]:
    return [issued_at(day) for day in next_sessions("XNYS", date(2024, 1, 1), 40)]


def walk(issued: list[Issued], histories: Mapping[str, PriceHistory]) -> list[Issued]:
    outcomes = Outcomes.of(histories, "split_adjusted")
    return list(calibrated(issued, outcomes, (HORIZONS, LEVELS), CONFIG))


def test_outcomes_are_log_returns_to_the_target_session(histories: Mapping[str, PriceHistory]) -> None:
    one = issued_at(date(2024, 1, 10))
    close = histories["AAA"].bars["close"]
    found = Outcomes.of(histories, "split_adjusted").after(one)
    days = [pd.Timestamp(day) for day in one.targets[0]]
    assert found[0] == pytest.approx(np.log(close[days].to_numpy() / close["2024-01-10"]))


def test_a_missing_bar_at_the_target_is_no_outcome(histories: Mapping[str, PriceHistory]) -> None:
    gap = replace(histories["AAA"], bars=histories["AAA"].bars.drop(pd.Timestamp("2024-01-11")))
    found = Outcomes.of({**histories, "AAA": gap}, "split_adjusted").after(issued_at(date(2024, 1, 10)))
    assert np.isnan(found[0, 0])
    assert np.isfinite(found[0, 1])
    assert np.isfinite(found[1]).all()


def test_a_split_in_between_is_no_return(histories: Mapping[str, PriceHistory]) -> None:
    plain = histories["AAA"]
    bars, day = plain.bars.copy(), pd.Timestamp("2024-01-12")
    bars.loc[day:, "close"] /= 4
    split = PriceHistory("AAA", bars, as_actions(pd.DataFrame({"split": 4.0}, index=[day])))
    before, after = (
        Outcomes.of({**histories, "AAA": one}, "split_adjusted").after(issued_at(date(2024, 1, 10)))
        for one in (plain, split)
    )
    np.testing.assert_allclose(after, before, atol=1e-12)
    assert adjust(split, date(2024, 1, 31), "split_adjusted")["close"].iloc[0] != plain.bars["close"].iloc[0]


def test_rows_hold_every_quantile_in_order(
    issued: list[Issued], histories: Mapping[str, PriceHistory]
) -> None:
    outcomes = Outcomes.of(histories, "split_adjusted")
    frame = rows_of(issued[:3], outcomes, HORIZONS, LEVELS)
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 3 * 2 * 2 * 2 * 3
    row = frame.iloc[((2 + 0) * 2 + 1) * 3 + 2]  # first origin, BBB, h = 1, random walk, 0.95
    assert (row.ticker, row.horizon, row.method, row.level) == ("BBB", 1, "random_walk", 0.95)
    assert row.log_return == 0.01
    assert row.actual_log_return == outcomes.after(issued[0])[1, 0]
    assert row.target_session == pd.Timestamp(issued[0].targets[1][0])


def test_a_method_without_a_forecast_has_no_rows_of_it(
    issued: list[Issued], histories: Mapping[str, PriceHistory]
) -> None:
    quantiles = {**issued[0].quantiles, "fhs": np.full((2, 2, 3), np.nan)}
    outcomes = Outcomes.of(histories, "split_adjusted")
    frame = rows_of([replace(issued[0], quantiles=quantiles), issued[1]], outcomes, HORIZONS, LEVELS)
    assert set(frame["method"]) == {"predictive", "random_walk"}
    assert frame["log_return"].notna().all()


def test_the_calibration_is_that_of_the_bands_closed_by_the_origin(
    issued: list[Issued], histories: Mapping[str, PriceHistory]
) -> None:
    found, outcomes = walk(issued, histories), Outcomes.of(histories, "split_adjusted")
    place = 30
    rows = [
        (ticker, one.origin, horizon, one.regimes[n], outcomes.after(one)[n, h], *predictive, *bands[[0, 2]])
        for one in found[:place]
        for n, ticker in enumerate(TICKERS)
        for h, horizon in enumerate(HORIZONS)
        if one.targets[n][h] <= found[place].origin
        for predictive, bands in [(one.quantiles["predictive"][n, h], one.quantiles["calibrated"][n, h])]
    ]
    learned = learn(pd.DataFrame(rows, columns=list(CLOSED)), CONFIG)
    for n, ticker in enumerate(TICKERS):
        expected = learned.apply(
            ticker, found[place].regimes[n], LEVELS, issued[place].quantiles["predictive"][n], HORIZONS
        )
        np.testing.assert_array_equal(found[place].quantiles["calibrated"][n], expected)
    assert (found[place].quantiles["calibrated"] != issued[place].quantiles["predictive"]).any()


def test_the_first_origin_has_learned_nothing(
    issued: list[Issued], histories: Mapping[str, PriceHistory]
) -> None:
    first = walk(issued[:1], histories)[0]
    np.testing.assert_array_equal(first.quantiles["calibrated"], first.quantiles["predictive"])


def test_no_band_knows_what_came_after_its_origin(
    issued: list[Issued], histories: Mapping[str, PriceHistory]
) -> None:
    day = issued[20].origin
    shaken = {}
    for ticker, one in histories.items():
        bars = one.bars.copy()
        bars.loc[bars.index > pd.Timestamp(day), "close"] *= 1.5
        shaken[ticker] = replace(one, bars=bars)
    before, after = walk(issued, histories), walk(issued, shaken)
    for one, other in zip(before[:21], after[:21], strict=True):
        np.testing.assert_array_equal(one.quantiles["calibrated"], other.quantiles["calibrated"])
    assert (before[22].quantiles["calibrated"] != after[22].quantiles["calibrated"]).any()
