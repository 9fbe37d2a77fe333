"""Dates as a vendor lists them: when they are read again, and which of them count."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.calendars.listed_reports import LISTS, ReportCheck, is_check_due, merge_reports, place_stamp
from forecasting.calendars.reports import SAME_REPORT, Report
from forecasting.calendars.sessions import Calendar, find_time_of_day
from forecasting.types import ReportOrigin

TODAY = date(2024, 7, 19)
NOON = datetime(2024, 7, 19, 12, tzinfo=UTC)


def page(*days: str) -> tuple[Report, ...]:
    return tuple(Report(date.fromisoformat(day), "after_close", origin="page") for day in days)


def events(day: str) -> tuple[Report, ...]:
    return (Report(date.fromisoformat(day), "unknown", origin="events"),)


def counting(reports: Sequence[Report]) -> list[str]:
    return [str(report.day) for report in reports if report.counts]


def listed(reports: Sequence[Report]) -> list[str]:
    return [str(report.day) for report in reports]


def test_a_moved_date_is_replaced_and_forgotten_ones_are_kept() -> None:
    stored = page("2022-05-03", "2024-05-02", "2024-08-01")
    merged = merge_reports(stored, {"page": page("2024-05-02", "2024-08-06")}, TODAY)
    assert listed(merged) == counting(merged) == ["2022-05-03", "2024-05-02", "2024-08-06"]


def test_a_withdrawn_date_goes_and_an_empty_page_changes_nothing() -> None:
    stored = page("2024-05-02", "2024-08-01")
    assert listed(merge_reports(stored, {"page": page("2024-05-02")}, TODAY)) == ["2024-05-02"]
    assert merge_reports(stored, {"page": ()}, TODAY) == stored


def test_events_are_the_coming_ones_and_none_are_none() -> None:
    stored = (*events("2024-05-02"), *events("2024-08-01"))
    later = merge_reports(stored, {"events": events("2024-08-06")}, TODAY)
    assert listed(later) == ["2024-05-02", "2024-08-06"]
    assert listed(merge_reports(stored, {"events": ()}, TODAY)) == ["2024-05-02"]


def test_a_list_that_was_not_read_stays_as_it_was() -> None:
    stored = page("2024-08-01")
    assert merge_reports(stored, {}, TODAY) == stored
    assert listed(merge_reports(stored, {"events": ()}, TODAY)) == ["2024-08-01"]


def test_of_two_days_of_one_report_the_page_has_the_word_and_of_one_day_two_lists_are_one() -> None:
    both = merge_reports(
        (), {"page": page("2024-05-02", "2024-08-01"), "events": events("2024-07-30")}, TODAY
    )
    assert counting(both) == ["2024-05-02", "2024-08-01"]
    assert listed(both) == ["2024-05-02", "2024-07-30", "2024-08-01"]
    (one,) = merge_reports((), {"page": page("2024-08-01"), "events": events("2024-08-01")}, TODAY)
    assert (one.origin, one.when) == ("page", "after_close")
    assert counting(merge_reports((), {"page": page("2024-08-01", "2024-08-05")}, TODAY)) == ["2024-08-01"]


days = st.dates(date(2023, 1, 1), date(2025, 1, 1))


@given(
    st.lists(st.tuples(days, st.sampled_from(LISTS)), max_size=8),
    st.dictionaries(st.sampled_from(LISTS), st.lists(days, max_size=5), max_size=2),
)
def test_each_day_comes_once_and_counting_days_are_a_report_apart(
    stored: list[tuple[date, ReportOrigin]], read: dict[ReportOrigin, list[date]]
) -> None:
    reports = [Report(day, origin=origin) for day, origin in stored]
    lists = {origin: [Report(day, origin=origin) for day in own] for origin, own in read.items()}
    merged = merge_reports(reports, lists, TODAY)
    assert [report.day for report in merged] == sorted({report.day for report in merged})
    assert {day for own in read.values() for day in own} <= {report.day for report in merged}
    assert merge_reports(merged, lists, TODAY) == merged
    clusters = [report.day for report in merged if report.counts]
    firsts = [report.day for report in merged]
    assert all(any(abs(day - chosen) <= SAME_REPORT for chosen in clusters) for day in firsts)


def check(tried: int, read: int | None, reason: str = "") -> ReportCheck:
    """An attempt so many days ago."""
    read_at = None if read is None else NOON - timedelta(days=read)
    return ReportCheck(NOON - timedelta(days=tried), read_at, reason)


@pytest.mark.parametrize(
    ("newest", "days", "due"),
    [
        (None, (), True),
        (check(0, 0), (), False),
        (check(1, 1), (), False),
        (check(6, 6), (), False),
        (check(7, 7), (), True),
        (check(1, 3, "vendor_error"), (), True),  # what failed is tried the next day
        (check(0, None, "vendor_error"), (), False),
        (check(1, 1), (4,), True),  # a report is near
        (check(1, 1), (-4,), True),
        (check(1, 1), (5,), False),
        (check(1, 1), (-364 + 2,), True),  # last year's comes round
        (check(0, 0), (0,), False),
        (check(-7, -7), (), True),  # by a clock that was ahead
    ],
)
def test_dates_are_due_weekly_and_daily_around_a_report(
    newest: ReportCheck | None, days: tuple[int, ...], due: bool
) -> None:
    reports = [Report(TODAY + timedelta(days=offset)) for offset in days]
    assert is_check_due(newest, reports, TODAY) is due


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("XNYS", datetime(2024, 7, 19, 13, 29, 59, tzinfo=UTC), "before_open"),
        ("XNYS", datetime(2024, 7, 19, 13, 30, tzinfo=UTC), "unknown"),
        ("XNYS", datetime(2024, 7, 19, 20, 0, tzinfo=UTC), "after_close"),
        ("XNYS", datetime(2024, 1, 19, 20, 30, tzinfo=UTC), "unknown"),  # in winter it closes an hour later
        ("XNYS", datetime(2024, 7, 20, 12, tzinfo=UTC), "unknown"),  # a Saturday
        ("XTKS", datetime(2024, 7, 19, 6, tzinfo=UTC), "after_close"),
    ],
)
def test_the_time_of_day_follows_the_hours_of_the_exchange(name: str, at: datetime, expected: str) -> None:
    assert find_time_of_day(name, at) == expected


def test_an_opening_has_hours_and_a_closure_none() -> None:
    saturday, monday = date(2024, 7, 20), date(2024, 7, 22)
    calendar = Calendar("XNYS", closures=frozenset({monday}), openings=frozenset({saturday}))
    assert find_time_of_day(calendar, datetime(2024, 7, 20, 21, tzinfo=UTC)) == "after_close"
    assert find_time_of_day(calendar, datetime(2024, 7, 22, 21, tzinfo=UTC)) == "unknown"


def test_midnight_is_no_time_of_day() -> None:
    stamp = datetime(2024, 8, 1, tzinfo=UTC)  # the evening before in New York
    assert place_stamp(stamp, Calendar("XNYS"), "events") == Report(date(2024, 8, 1))
