"""Closures and openings of exchanges, each with the time in which it was known."""

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from db import Store
from db.engine import reading
from db.schema import calendar_changes
from forecasting.calendars.lookup import CalendarChange

FIRST = datetime(2025, 1, 16, 22, tzinfo=UTC)
LATER = FIRST + timedelta(days=5)
CLOSED = CalendarChange("XNYS", date(2025, 1, 15), "closure")
OPENED = CalendarChange("XBOM", date(2025, 2, 1), "opening")


def load(store: Store, at: datetime) -> set[CalendarChange]:
    with store.reading() as tx:
        return set(tx.calendars.load(at))


def replace(store: Store, changes: list[CalendarChange], at: datetime, origin: str = "found") -> None:
    with store.writing() as tx:
        tx.calendars.replace(changes, origin, at)  # type: ignore[arg-type]  # one of two words


def test_a_change_is_known_from_the_run_that_found_it_until_it_is_withdrawn(store: Store) -> None:
    replace(store, [CLOSED], FIRST)
    replace(store, [], LATER)
    moments = [FIRST - timedelta(seconds=1), FIRST, LATER - timedelta(seconds=1), LATER]
    assert [load(store, at) for at in moments] == [set(), {CLOSED}, {CLOSED}, set()]


def test_what_is_known_already_keeps_its_time_and_what_comes_back_gets_another(store: Store) -> None:
    replace(store, [CLOSED], FIRST)
    replace(store, [CLOSED, OPENED], LATER)
    assert load(store, FIRST) == {CLOSED}
    assert load(store, LATER) == {CLOSED, OPENED}
    replace(store, [OPENED], LATER + timedelta(days=1))
    replace(store, [OPENED, CLOSED], LATER + timedelta(days=2))
    assert load(store, LATER + timedelta(days=1)) == {OPENED}
    assert load(store, LATER + timedelta(days=2)) == {OPENED, CLOSED}


def test_of_two_runs_that_meet_the_earlier_may_save_last(store: Store) -> None:
    """Or the clock was ahead and is right again."""
    replace(store, [CLOSED], LATER)
    replace(store, [CLOSED], FIRST)
    assert load(store, FIRST) == {CLOSED}
    with reading(store.engine) as connection:
        assert list(connection.scalars(sa.select(calendar_changes.c.known_since))) == [FIRST]


def test_a_change_withdrawn_by_a_clock_that_was_ahead_is_withdrawn_by_the_right_one(store: Store) -> None:
    replace(store, [CLOSED], FIRST)
    replace(store, [], LATER)
    replace(store, [], LATER - timedelta(days=2))
    assert load(store, LATER - timedelta(days=2)) == set()


def test_settings_and_prices_do_not_withdraw_each_others(store: Store) -> None:
    replace(store, [OPENED], FIRST, "setting")
    replace(store, [CLOSED], FIRST)
    replace(store, [], LATER, "setting")
    assert load(store, LATER) == {CLOSED}
    with store.reading() as tx:
        assert tx.calendars.load(FIRST, "setting") == {OPENED}


def test_sources_do_not_share_them(store: Store) -> None:
    replace(store, [CLOSED], FIRST)
    assert load(store.for_source("yahoo"), LATER) == set()


def test_a_kind_is_one_of_two(store: Store) -> None:
    wrong = CalendarChange("XNYS", date(2025, 1, 15), "holiday")  # type: ignore[arg-type]  # the point
    with pytest.raises(Exception, match=r"(?i)check"):
        replace(store, [wrong], FIRST)
