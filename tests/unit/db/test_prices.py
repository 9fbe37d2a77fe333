"""Prices in, the same prices out; a revision leaves its trace."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from digests import digest_prices
from synthetic_prices import make_history

from db import Holding, SavedBars, Store
from forecasting.errors import CutFileError, StoreError
from forecasting.prices.history import InstrumentFacts, PriceHistory
from forecasting.prices.scale import Dispute

FIRST = datetime(2024, 1, 5, 22, tzinfo=UTC)
LATER = datetime(2024, 1, 6, 22, tzinfo=UTC)
Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def history() -> PriceHistory:
    sessions = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"], name="session")
    close = np.array([40.0, 10.5, 11.0])
    bars = pd.DataFrame(
        {"open": close, "high": close + 1, "low": [np.nan, 10.0, 10.0], "close": close, "volume": 1e6},
        sessions,
    )
    actions = pd.DataFrame({"split": [4.0], "dividend": [0.25]}, sessions[1:2])
    return PriceHistory("AAA", bars, actions)


def test_comes_back_as_it_went_in(store: Store, history: PriceHistory) -> None:
    assert save(store, history) == SavedBars(new=3)
    found = load(store, "AAA")
    pd.testing.assert_frame_equal(found.bars, history.bars, check_index_type=False)
    pd.testing.assert_frame_equal(found.actions, history.actions, check_index_type=False)
    assert digest_prices(found) == digest_prices(history)


def test_until_cuts_bars_and_actions(store: Store, history: PriceHistory) -> None:
    save(store, history)
    cut = load(store, "AAA", until=date(2024, 1, 2))
    assert digest_prices(cut) == digest_prices(history.until(date(2024, 1, 2)))


def test_unknown_ticker_is_empty_in_the_same_shape(store: Store, history: PriceHistory) -> None:
    unknown = load(store, "ZZZ")
    for found, like in [(unknown.bars, history.bars), (unknown.actions, history.actions)]:
        assert found.empty
        assert list(found.columns) == list(like.columns)
        assert isinstance(found.index, pd.DatetimeIndex)
        assert found.index.name == "session"


def test_sources_do_not_mix(store: Store, history: PriceHistory) -> None:
    save(store, history)
    with store.for_source("yahoo").reading() as tx:
        assert tx.prices.load("AAA").bars.empty
        assert tx.prices.list_holdings() == []
        assert tx.prices.list_sources() == ["sample"]


def test_nothing_new_writes_nothing(store: Store, history: PriceHistory, dump: Dump) -> None:
    save(store, history)
    before = dump()
    jitter = PriceHistory("AAA", history.bars * (1 + 1e-6), history.actions)
    for again in (history, jitter, PriceHistory("AAA", history.bars.iloc[:0], history.actions.iloc[:0])):
        saved = save(store, again, LATER)
        assert saved == SavedBars(unchanged=len(again.bars))
    assert dump() == before


def test_a_revision_keeps_the_old_bar(store: Store, history: PriceHistory, dump: Dump) -> None:
    save(store, history)
    corrected = PriceHistory("AAA", history.bars.copy(), history.actions)
    corrected.bars.loc["2024-01-04", "close"] = 12.0
    corrected.bars.loc[pd.Timestamp("2024-01-05")] = 13.0
    assert save(store, corrected, LATER) == SavedBars(new=1, changed=1, unchanged=2)
    assert load(store, "AAA").bars["close"].tolist() == [40.0, 10.5, 12.0, 13.0]
    assert dump()["price_revisions"] == [
        ("sample", "AAA", date(2024, 1, 4), LATER, 11.0, 12.0, 10.0, 11.0, 1e6, FIRST, "correction")
    ]
    seen = {row[2].day: row[-1] for row in dump()["price_bars"]}
    assert seen == {2: FIRST, 3: FIRST, 4: LATER, 5: LATER}


def test_an_action_that_is_missing_for_some_days_stays(store: Store, history: PriceHistory) -> None:
    save(store, history)
    without = PriceHistory("AAA", history.bars, history.actions.iloc[:0])
    for day in range(6):
        save(store, without, LATER + timedelta(days=day))
    assert digest_prices(load(store, "AAA")) == digest_prices(history)
    save(store, history, LATER + timedelta(days=6))
    save(store, without, LATER + timedelta(days=13))
    assert digest_prices(load(store, "AAA")) == digest_prices(history)


def test_an_action_that_is_missing_for_a_week_is_withdrawn_until_it_is_found_again(
    store: Store, history: PriceHistory
) -> None:
    save(store, history)
    without = PriceHistory("AAA", history.bars, history.actions.iloc[:0])
    for day in (0, 7):
        save(store, without, LATER + timedelta(days=day))
    assert load(store, "AAA").actions.empty
    save(store, history, LATER + timedelta(days=8))
    assert digest_prices(load(store, "AAA")) == digest_prices(history)


def test_a_dividend_that_lost_a_digit_to_a_split_is_the_same(
    store: Store, history: PriceHistory, dump: Dump
) -> None:
    save(store, history)
    before = dump()
    rounded = history.actions.assign(dividend=0.25008)
    save(store, PriceHistory("AAA", history.bars, rounded), LATER)
    assert dump() == before


def test_a_bar_that_vanishes_is_kept_and_counted(store: Store, history: PriceHistory) -> None:
    save(store, history)
    gone = PriceHistory("AAA", history.bars.iloc[[0, 2]], history.actions)
    assert save(store, gone, LATER) == SavedBars(unchanged=2, vanished=(history.bars.index[1].date(),))
    assert digest_prices(load(store, "AAA")) == digest_prices(history)


def test_facts_are_kept_and_stay_where_the_source_reports_none(store: Store, history: PriceHistory) -> None:
    reported = [InstrumentFacts("USD", "EQUITY", "America/New_York"), InstrumentFacts(currency="EUR")]
    for facts in reported:
        save(store, replace(history, facts=facts))
    assert load(store, "AAA").facts == InstrumentFacts("EUR", "EQUITY", "America/New_York")


def test_holdings_count_bars_and_revisions(store: Store, history: PriceHistory) -> None:
    save(store, history)
    changed = history.bars.assign(close=history.bars["close"] + [0, 0.5, 0.5])
    save(store, PriceHistory("AAA", changed, history.actions), LATER)
    with store.reading() as tx:
        assert tx.prices.list_holdings() == [Holding("AAA", date(2024, 1, 2), date(2024, 1, 4), 3, 2)]
        assert tx.prices.load_revisions("AAA")["close"].tolist() == [11.0, 10.5]
        assert tx.prices.load_revisions("ZZZ").empty


def test_actions_outside_the_downloaded_span_stay(store: Store, history: PriceHistory) -> None:
    save(store, history)
    tail = PriceHistory("AAA", history.bars.iloc[2:], history.actions.iloc[:0])
    save(store, tail, LATER)
    assert digest_prices(load(store, "AAA")) == digest_prices(history)


def test_calendar_is_kept_once_known(store: Store, history: PriceHistory, dump: Dump) -> None:
    for calendar in (None, "XNYS", None):
        with store.writing() as tx:
            tx.prices.save(history, FIRST, calendar=calendar)
    assert dump()["instruments"] == [("AAA", "sample", "XNYS", FIRST, None, None, None, None, None)]


def test_infinite_price_stores_nothing(store: Store, history: PriceHistory, dump: Dump) -> None:
    before = dump()
    history.bars.loc["2024-01-04", "high"] = np.inf
    with pytest.raises(StoreError, match="found inf"):
        save(store, history)
    assert dump() == before


def save(store: Store, history: PriceHistory, seen_at: datetime = FIRST) -> SavedBars:
    with store.writing() as tx:
        return tx.prices.save(history, seen_at)


def load(store: Store, ticker: str, until: date | None = None) -> PriceHistory:
    with store.reading() as tx:
        return tx.prices.load(ticker, until)


def test_rows_that_the_owner_has_deleted_are_withdrawn_and_those_of_a_vendor_stay(
    store: Store, history: PriceHistory, dump: Dump
) -> None:
    save(store, history)
    later = history.bars.iloc[[1]]
    kept = replace(history, bars=later, owned=later.index)
    with store.writing() as tx:
        assert tx.prices.withdraw_deleted(replace(kept, owned=None), LATER) == []
        assert tx.prices.withdraw_deleted(kept, LATER) == [date(2024, 1, 2), date(2024, 1, 4)]
    assert load(store, "AAA").bars["close"].tolist() == [10.5]
    assert [(row[2], row[3], row[7], row[-1]) for row in dump()["price_revisions"]] == [
        (date(2024, 1, 2), LATER, 40.0, "withdrawn"),
        (date(2024, 1, 4), LATER, 11.0, "withdrawn"),
    ]
    with store.reading() as tx:
        assert tx.prices.find_last_withdrawal(date(2024, 1, 2)) == LATER
        assert tx.prices.find_last_withdrawal(date(2024, 1, 1)) is None


def test_a_file_that_has_lost_most_of_its_rows_withdraws_nothing(store: Store) -> None:
    history = make_history("AAA", 130, seed=1)
    save(store, history)
    cut = replace(history, bars=history.bars.iloc[:60], owned=history.bars.index[:60])
    with store.writing() as tx, pytest.raises(CutFileError, match=r"the 130 sessions .* found 60 of them"):
        tx.prices.withdraw_deleted(cut, LATER)
    assert len(load(store, "AAA").bars) == 130
    shorter = replace(cut, owned=history.bars.index[:65])
    with store.writing() as tx:
        assert len(tx.prices.withdraw_deleted(shorter, LATER)) == 65


def test_an_action_that_the_owner_has_deleted_is_withdrawn_at_once(
    store: Store, history: PriceHistory
) -> None:
    save(store, history)
    save(store, replace(history, actions=history.actions.iloc[:0], owned=history.bars.index), LATER)
    assert load(store, "AAA").actions.empty


def test_an_action_after_the_session_of_the_run_stays_as_long_as_its_row_is_in_the_file(
    store: Store, history: PriceHistory
) -> None:
    save(store, history)
    early = replace(history.until(date(2024, 1, 2)), owned=history.bars.index)
    save(store, early, LATER)
    assert digest_prices(load(store, "AAA")) == digest_prices(history)


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [(None, None, []), (date(2024, 1, 3), date(2024, 1, 3), [40.0, 11.0]), (date(2024, 1, 3), None, [40.0])],
)
def test_bars_set_aside_are_revisions_and_their_actions_are_withdrawn(
    store: Store, history: PriceHistory, start: date | None, end: date | None, left: list[float]
) -> None:
    save(store, replace(history, facts=InstrumentFacts("USD")))
    with store.writing() as tx:
        gone = tx.prices.set_aside("AAA", start, end, reason="forgotten", at=LATER)
    assert len(gone) == 3 - len(left)
    found = load(store, "AAA")
    assert (found.bars["close"].tolist(), found.actions.empty) == (left, True)
    assert found.facts == (InstrumentFacts("USD") if left else InstrumentFacts())
    with store.reading() as tx:
        assert set(tx.prices.load_revisions("AAA")["session"]) == set(gone)
    save(store, history, LATER + timedelta(days=1))
    assert digest_prices(load(store, "AAA")) == digest_prices(history)


def test_sessions_are_those_of_the_tickers_of_a_calendar(store: Store, history: PriceHistory) -> None:
    with store.writing() as tx:
        for ticker, calendar in (("AAA", "XNYS"), ("BBB", "XTKS")):
            tx.prices.save(replace(history, ticker=ticker), FIRST, calendar=calendar)
        found = tx.prices.load_sessions("XNYS", date(2024, 1, 3), date(2024, 1, 9))
    assert found == {"AAA": {date(2024, 1, 3), date(2024, 1, 4)}}


def test_name_and_first_trade_date_are_kept(store: Store, history: PriceHistory) -> None:
    facts = InstrumentFacts(name="Acme Corp", first_trade_date=date(1999, 1, 4))
    save(store, replace(history, facts=facts))
    assert load(store, "AAA").facts == facts


def test_a_split_is_missing_where_the_source_lacks_it_though_the_prices_contain_it(
    store: Store, history: PriceHistory, dump: Dump
) -> None:
    save(store, history)
    silent = replace(history, actions=history.actions.assign(split=1.0))
    save_reading(store, history, silent, LATER)
    assert [row[-1] for row in dump()["corporate_actions"] if row[3] == "split"] == [LATER]
    assert list_disputes(store, LATER + timedelta(days=6)) == []
    save_reading(store, history, silent, LATER + timedelta(days=7))
    assert list_disputes(store, LATER + timedelta(days=7)) == [Dispute(date(2024, 1, 3), recorded=False)]
    assert load(store, "AAA").actions["split"].tolist() == [4.0]
    save_reading(store, history, history, LATER + timedelta(days=8))
    assert list_disputes(store, LATER + timedelta(days=30)) == []


def test_a_split_that_the_prices_lack_is_withdrawn_at_once_and_looked_at_again(
    store: Store, history: PriceHistory
) -> None:
    save(store, history)
    without = replace(history, actions=history.actions.assign(split=1.0))
    save_reading(store, without, without, LATER)
    assert load(store, "AAA").actions["split"].tolist() == [1.0]
    assert list_disputes(store, LATER) == [Dispute(date(2024, 1, 3), recorded=False)]


def test_an_announced_split_that_the_prices_lack_is_stored_as_withdrawn(
    store: Store, history: PriceHistory
) -> None:
    without = replace(history, actions=history.actions.assign(split=1.0))
    save_reading(store, without, history, FIRST)
    assert load(store, "AAA").actions["split"].tolist() == [1.0]
    assert list_disputes(store, FIRST) == [Dispute(date(2024, 1, 3), recorded=False)]


def test_a_split_is_recorded_where_a_bar_was_stored_before_it(store: Store, history: PriceHistory) -> None:
    earlier = datetime(2024, 1, 2, 22, tzinfo=UTC)
    save(store, PriceHistory("AAA", history.bars.iloc[:1], history.actions.iloc[:0]), earlier)
    without = replace(history, actions=history.actions.iloc[:0])
    save_reading(store, without, history, FIRST)
    assert list_disputes(store, FIRST) == [Dispute(date(2024, 1, 3), recorded=True)]


def test_actions_before_the_download_are_not_missing_from_a_reading_that_begins_earlier(
    store: Store, history: PriceHistory, dump: Dump
) -> None:
    save(store, history)
    tail = PriceHistory("AAA", history.bars.iloc[2:], history.actions.iloc[:0])
    save_reading(store, history, tail, LATER)
    assert {row[-1] for row in dump()["corporate_actions"]} == {None}


def save_reading(store: Store, reading: PriceHistory, download: PriceHistory, seen_at: datetime) -> None:
    with store.writing() as tx:
        tx.prices.save(reading, seen_at, download=download)


def list_disputes(store: Store, now: datetime) -> list[Dispute]:
    with store.reading() as tx:
        return tx.prices.list_disputes("AAA", now)
