"""Earnings dates, each with the time in which it was known."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from db import Store
from db.engine import reading, writing
from db.schema import earnings_dates
from forecasting.calendars.listed_reports import ReportCheck
from forecasting.calendars.reports import Report

FIRST = datetime(2025, 1, 16, 22, tzinfo=UTC)
LATER = FIRST + timedelta(days=5)
PAST = Report(date(2024, 10, 31), "after_close")
NEXT = Report(date(2025, 1, 30), "after_close", date(2025, 1, 7))


def load(store: Store, at: datetime, ticker: str = "AAPL") -> tuple[Report, ...]:
    with store.reading() as tx:
        return tx.earnings.load([ticker], at)[ticker]


def save(store: Store, reports: Sequence[Report], at: datetime, ticker: str = "AAPL") -> None:
    with store.writing() as tx:
        tx.earnings.replace({ticker: reports}, at)


def test_dates_come_back_in_order_with_all_that_was_stated(store: Store) -> None:
    save(store, [NEXT, PAST], FIRST)
    assert load(store, FIRST) == (PAST, NEXT)
    assert load(store, FIRST - timedelta(seconds=1)) == ()


def test_dates_can_begin_with_a_day(store: Store) -> None:
    save(store, [PAST, NEXT], FIRST)
    with store.reading() as tx:
        assert tx.earnings.load(["AAPL"], FIRST, PAST.day)["AAPL"] == (PAST, NEXT)
        assert tx.earnings.load(["AAPL"], FIRST, PAST.day + timedelta(days=1))["AAPL"] == (NEXT,)


def test_a_date_that_moves_is_kept_as_it_was_known(store: Store) -> None:
    moved = replace(NEXT, day=date(2025, 2, 4))
    save(store, [PAST, NEXT], FIRST)
    save(store, [PAST, moved], LATER)
    assert load(store, LATER - timedelta(seconds=1)) == (PAST, NEXT)
    assert load(store, LATER) == (PAST, moved)
    save(store, [PAST, NEXT], LATER + timedelta(days=1))
    assert load(store, LATER + timedelta(days=1)) == (PAST, NEXT)
    assert load(store, LATER) == (PAST, moved)


def test_of_two_runs_that_meet_the_earlier_may_save_last(store: Store) -> None:
    """Or the clock was ahead and is right again."""
    save(store, [PAST, NEXT], LATER)
    save(store, [PAST, NEXT], FIRST)
    assert load(store, FIRST) == load(store, LATER) == (PAST, NEXT)
    with reading(store.engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(earnings_dates)).scalar() == 2


def test_a_date_known_twice_from_an_earlier_release_is_one_report(store: Store) -> None:
    save(store, [NEXT], FIRST)
    with writing(store.engine) as connection:
        (row,) = connection.execute(sa.select(earnings_dates)).mappings()
        connection.execute(sa.insert(earnings_dates), [{**row, "first_seen": LATER}])
    assert load(store, LATER) == (NEXT,)


def test_a_date_withdrawn_by_a_clock_that_was_ahead_is_withdrawn_by_the_right_one(store: Store) -> None:
    save(store, [PAST, NEXT], FIRST)
    save(store, [PAST], LATER)
    right = LATER - timedelta(days=2)
    save(store, [PAST], right)
    assert load(store, right) == (PAST,)
    assert load(store, right - timedelta(seconds=1)) == (PAST, NEXT)


def test_another_time_of_the_same_day_is_another_report(store: Store) -> None:
    save(store, [NEXT], FIRST)
    save(store, [replace(NEXT, when="before_open")], LATER)
    assert load(store, FIRST) == (NEXT,)
    assert load(store, LATER) == (replace(NEXT, when="before_open"),)


def test_tickers_and_sources_do_not_share_them(store: Store) -> None:
    save(store, [NEXT], FIRST)
    save(store, [], LATER, "MSFT")
    assert load(store, LATER) == (NEXT,)
    assert load(store, LATER, "MSFT") == load(store.for_source("yahoo"), LATER) == ()


def test_a_time_of_day_is_one_of_three(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)check"):
        save(store, [replace(NEXT, when="noon")], FIRST)  # type: ignore[arg-type]  # the point


def test_what_does_not_count_is_kept_and_not_loaded(store: Store) -> None:
    other = replace(NEXT, day=date(2025, 2, 4), counts=False)
    save(store, [PAST, NEXT, other], FIRST)
    assert load(store, FIRST) == (PAST, NEXT)
    with store.reading() as tx:
        assert tx.earnings.load_all(["AAPL"], FIRST)["AAPL"] == (PAST, NEXT, other)
    save(store, [PAST, replace(NEXT, counts=False), replace(other, counts=True)], LATER)
    assert load(store, LATER) == (PAST, replace(other, counts=True))
    assert load(store, FIRST) == (PAST, NEXT)


def test_the_newest_attempt_of_each_ticker_is_kept(store: Store) -> None:
    failed = ReportCheck(LATER, FIRST, "rate_limited", "AAPL: too many requests")
    with store.writing() as tx:
        tx.earnings.save_check("AAPL", ReportCheck(FIRST, FIRST))
        tx.earnings.save_check("AAPL", failed)
    with store.writing() as tx:
        assert tx.earnings.load_checks() == {"AAPL": failed}
        tx.earnings.delete_checks()
        assert tx.earnings.load_checks() == {}
