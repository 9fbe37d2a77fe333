"""Quarantines are stored once, lifted, and found again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from db import QuarantineRecord, Store
from forecasting.prices.trust import Refusal

DAY = date(2024, 1, 2)
SEEN_AT = datetime(2024, 1, 3, 5, tzinfo=UTC)
NOTE = QuarantineRecord("sample", "AAA", DAY, "stale", "AAA: expected a bar", SEEN_AT)
Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.fixture
def noted(store: Store) -> Store:
    """Store in which AAA was left out on three days, BBB on one, and AAA of another source on one."""
    next_days = [DAY + timedelta(days=days) for days in (1, 4)]
    records = [
        NOTE,
        replace(NOTE, ticker="BBB"),
        *(replace(NOTE, as_of=day, reason="gap") for day in next_days),
        replace(NOTE, source="yahoo", as_of=DAY + timedelta(days=9)),
    ]
    with store.writing() as tx:
        tx.quarantines.add(records)
    return store


def test_the_same_again_changes_nothing(noted: Store, dump: Dump) -> None:
    before = dump()
    with noted.writing() as tx:
        tx.quarantines.add([replace(NOTE, seen_at=datetime(2024, 2, 1, tzinfo=UTC))])
    assert dump() == before


def test_another_reason_replaces_the_first(noted: Store) -> None:
    other = replace(NOTE, ticker="BBB", reason="gap", seen_at=SEEN_AT + timedelta(hours=1))
    with noted.writing() as tx:
        tx.quarantines.add([other])
        assert tx.quarantines.list_newest()[1] == other


def test_newest_has_one_record_a_ticker(noted: Store) -> None:
    with noted.reading() as tx:
        newest = tx.quarantines.list_newest()
    assert [(record.ticker, record.as_of.day, record.reason) for record in newest] == [
        ("AAA", 6, "gap"),
        ("BBB", 2, "stale"),
    ]


def test_last_refusals_come_newest_first_and_end_before_a_session(noted: Store) -> None:
    with noted.reading() as tx:
        reasons = tx.quarantines.list_last_refusals("AAA", date(2024, 1, 6), 5)
        newest = tx.quarantines.list_last_refusals("AAA", date(2024, 2, 1), 1)
    assert reasons == [Refusal(date(2024, 1, 3), "gap"), Refusal(DAY, "stale")]
    assert newest == [Refusal(date(2024, 1, 6), "gap")]


def test_skipped_sessions_lie_within_a_span(noted: Store) -> None:
    with noted.reading() as tx:
        assert tx.quarantines.load_skipped(DAY, date(2024, 1, 3)) == {
            ("AAA", DAY),
            ("BBB", DAY),
            ("AAA", date(2024, 1, 3)),
        }
        assert tx.quarantines.load_skipped(date(2024, 2, 1), date(2024, 2, 2)) == set()


def test_lifting_is_of_one_session_and_source(noted: Store) -> None:
    with noted.writing() as tx:
        tx.quarantines.lift(DAY, ["AAA", "CCC"])
        assert tx.quarantines.load_skipped(DAY, DAY) == {("BBB", DAY)}
        assert len(tx.quarantines.load_skipped(DAY, date(2024, 2, 1))) == 3
        assert len(tx.for_source("yahoo").quarantines.list_newest()) == 1
