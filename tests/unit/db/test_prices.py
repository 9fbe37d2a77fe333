"""Prices in, the same prices out; a restatement leaves its trace."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from db.engine import reading, writing
from db.repositories.prices import Holding, PriceRepository, StoreReport
from forecasting.errors import StoreError
from forecasting.prices.history import InstrumentFacts, PriceHistory

FIRST = datetime(2024, 1, 5, 22, tzinfo=UTC)
LATER = datetime(2024, 1, 6, 22, tzinfo=UTC)


@pytest.fixture
def history():
    sessions = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"], name="session")
    close = np.array([40.0, 10.5, 11.0])
    bars = pd.DataFrame(
        {"open": close, "high": close + 1, "low": [np.nan, 10.0, 10.0], "close": close, "volume": 1e6},
        sessions,
    )
    actions = pd.DataFrame({"split": [4.0], "dividend": [0.25]}, sessions[1:2])
    return PriceHistory("AAA", bars, actions)


def test_comes_back_as_it_went_in(engine, history):
    assert store(engine, history) == StoreReport(new=3, splits=1, dividends=1)
    found = load(engine, "AAA")
    pd.testing.assert_frame_equal(found.bars, history.bars, check_index_type=False)
    pd.testing.assert_frame_equal(found.actions, history.actions, check_index_type=False)
    assert found.fingerprint() == history.fingerprint()


def test_until_cuts_bars_and_actions(engine, history):
    store(engine, history)
    cut = load(engine, "AAA", until=date(2024, 1, 2))
    assert cut.fingerprint() == history.until(date(2024, 1, 2)).fingerprint()


def test_unknown_ticker_is_empty_in_the_same_shape(engine, history):
    unknown = load(engine, "ZZZ")
    for found, like in [(unknown.bars, history.bars), (unknown.actions, history.actions)]:
        assert found.empty
        assert list(found.columns) == list(like.columns)
        assert isinstance(found.index, pd.DatetimeIndex)
        assert found.index.name == "session"


def test_sources_do_not_mix(engine, history):
    store(engine, history)
    with reading(engine) as conn:
        assert PriceRepository(conn, "sample").tickers() == ["AAA"]
        assert PriceRepository(conn, "yahoo").tickers() == []
        assert PriceRepository(conn, "yahoo").load("AAA").bars.empty


def test_nothing_new_writes_nothing(engine, history, dump):
    store(engine, history)
    before = dump()
    jitter = PriceHistory("AAA", history.bars * (1 + 1e-6), history.actions)
    for again in (history, jitter, PriceHistory("AAA", history.bars.iloc[:0], history.actions.iloc[:0])):
        report = store(engine, again, LATER)
        assert report == StoreReport(unchanged=len(again.bars))
    assert dump() == before


def test_restatement_keeps_the_old_bar(engine, history, dump):
    store(engine, history)
    corrected = PriceHistory("AAA", history.bars.copy(), history.actions)
    corrected.bars.loc["2024-01-04", "close"] = 12.0
    corrected.bars.loc[pd.Timestamp("2024-01-05")] = 13.0
    assert store(engine, corrected, LATER) == StoreReport(new=1, changed=1, unchanged=2)
    assert load(engine, "AAA").bars["close"].tolist() == [40.0, 10.5, 12.0, 13.0]
    assert dump()["price_revisions"] == [
        ("sample", "AAA", date(2024, 1, 4), LATER, 11.0, 12.0, 10.0, 11.0, 1e6, FIRST, "correction")
    ]
    seen = {row[2].day: row[-1] for row in dump()["price_bars"]}
    assert seen == {2: FIRST, 3: FIRST, 4: LATER, 5: LATER}


def test_an_action_that_is_not_told_for_some_days_stays(engine, history):
    store(engine, history)
    without = PriceHistory("AAA", history.bars, history.actions.iloc[:0])
    for day in range(6):
        store(engine, without, LATER + timedelta(days=day))
    assert load(engine, "AAA").fingerprint() == history.fingerprint()
    store(engine, history, LATER + timedelta(days=6))
    store(engine, without, LATER + timedelta(days=13))
    assert load(engine, "AAA").fingerprint() == history.fingerprint()


def test_an_action_that_is_not_told_for_a_week_is_withdrawn_until_it_is_told_again(engine, history):
    store(engine, history)
    without = PriceHistory("AAA", history.bars, history.actions.iloc[:0])
    for day in (0, 7):
        store(engine, without, LATER + timedelta(days=day))
    assert load(engine, "AAA").actions.empty
    store(engine, history, LATER + timedelta(days=8))
    assert load(engine, "AAA").fingerprint() == history.fingerprint()


def test_a_dividend_that_lost_a_digit_to_a_split_is_the_same(engine, history, dump):
    store(engine, history)
    before = dump()
    rounded = history.actions.assign(dividend=0.25008)
    assert store(engine, PriceHistory("AAA", history.bars, rounded), LATER).dividends == 0
    assert dump() == before


def test_a_bar_that_vanishes_is_kept_and_counted(engine, history):
    store(engine, history)
    gone = PriceHistory("AAA", history.bars.iloc[[0, 2]], history.actions)
    assert store(engine, gone, LATER) == StoreReport(unchanged=2, vanished=1)
    assert load(engine, "AAA").fingerprint() == history.fingerprint()


def test_what_the_symbol_stands_for_is_kept_and_what_is_not_told_stays(engine, history):
    told = [InstrumentFacts("USD", "EQUITY", "America/New_York"), InstrumentFacts(currency="EUR")]
    for facts in told:
        store(engine, replace(history, facts=facts))
    assert load(engine, "AAA").facts == InstrumentFacts("EUR", "EQUITY", "America/New_York")


def test_holdings_count_bars_and_corrections(engine, history):
    store(engine, history)
    changed = history.bars.assign(close=history.bars["close"] + [0, 0.5, 0.5])
    store(engine, PriceHistory("AAA", changed, history.actions), LATER)
    with reading(engine) as conn:
        prices = PriceRepository(conn, "sample")
        assert prices.holdings() == [Holding("AAA", date(2024, 1, 2), date(2024, 1, 4), 3, 2)]
        assert prices.revisions("AAA")["close"].tolist() == [11.0, 10.5]
        assert prices.revisions("ZZZ").empty
        assert PriceRepository(conn, "yahoo").holdings() == []


def test_actions_outside_the_pulled_span_stay(engine, history):
    store(engine, history)
    tail = PriceHistory("AAA", history.bars.iloc[2:], history.actions.iloc[:0])
    store(engine, tail, LATER)
    assert load(engine, "AAA").fingerprint() == history.fingerprint()


def test_calendar_is_kept_once_known(engine, history, dump):
    for calendar in (None, "XNYS", None):
        with writing(engine) as conn:
            PriceRepository(conn, "sample").store(history, FIRST, calendar=calendar)
    assert dump()["instruments"] == [("AAA", "sample", "XNYS", FIRST, None, None, None)]


def test_infinite_price_stores_nothing(engine, history, dump):
    before = dump()
    history.bars.loc["2024-01-04", "high"] = np.inf
    with pytest.raises(StoreError, match="found inf"):
        store(engine, history)
    assert dump() == before


def store(engine, history, seen_at=FIRST):
    with writing(engine) as conn:
        return PriceRepository(conn, "sample").store(history, seen_at)


def load(engine, ticker, until=None):
    with reading(engine) as conn:
        return PriceRepository(conn, "sample").load(ticker, until)
