"""Exchange sessions: known days of real exchanges, and properties that no day may break."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.calendars.sessions import (
    Calendar,
    calendar_zone,
    first_day,
    is_session,
    last_closed_session,
    next_sessions,
    session_on_or_before,
    sessions_between,
)
from forecasting.errors import CalendarError, UsageError

unhurried = settings(max_examples=50)  # the first example builds a calendar
days = st.dates(date(1998, 1, 1), date(2025, 12, 31))
calendars = st.sampled_from(["XNYS", "XTKS", "24/7"])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("calendar", "now", "session"),
    [
        ("XNYS", "2024-06-05T20:29", date(2024, 6, 4)),
        ("XNYS", "2024-06-05T20:30", date(2024, 6, 5)),
        ("XNYS", "2024-11-29T18:29", date(2024, 11, 27)),  # the 28th is Thanksgiving
        ("XNYS", "2024-11-29T18:40", date(2024, 11, 29)),  # closes at 13:00
        ("XNYS", "2024-01-05T21:29", date(2024, 1, 4)),  # winter: the close is 21:00 UTC
        ("XNYS", "2024-06-09T12:00", date(2024, 6, 7)),
        ("XTKS", "2024-06-05T06:30", date(2024, 6, 5)),
        ("XLON", "2024-12-24T13:00", date(2024, 12, 24)),  # closes at 12:30
        ("24/7", "2024-06-05T00:29", date(2024, 6, 3)),
        ("24/7", "2024-06-05T00:30", date(2024, 6, 4)),
        ("24/5", "2024-06-09T12:00", date(2024, 6, 7)),
        ("XNYS", "2030-01-01T12:00", date(2029, 12, 31)),
    ],
)
def test_the_last_closed_session(calendar: str, now: str, session: date) -> None:
    assert last_closed_session(calendar, at(now)) == session


def test_the_zone_of_now_does_not_matter() -> None:
    now = datetime(2024, 6, 6, 5, 40, tzinfo=timezone(timedelta(hours=9)))
    assert (
        last_closed_session("XNYS", now)
        == last_closed_session("XNYS", now.astimezone(UTC))
        == date(2024, 6, 5)
    )


def test_the_lag_is_an_argument() -> None:
    now = at("2024-06-05T20:00")
    assert last_closed_session("XNYS", now, lag=timedelta(0)) == date(2024, 6, 5)
    assert last_closed_session("XNYS", now, lag=timedelta(days=1)) == date(2024, 6, 4)


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(UsageError, match="time zone"):
        last_closed_session("XNYS", datetime(2024, 6, 5))  # noqa: DTZ001 (the point)


def test_the_next_sessions_skip_holidays() -> None:
    assert next_sessions("XNYS", date(2024, 12, 23), 3) == (
        date(2024, 12, 24),
        date(2024, 12, 26),
        date(2024, 12, 27),
    )
    assert next_sessions("XNYS", date(2029, 12, 28), 2) == (date(2029, 12, 31), date(2030, 1, 2))
    assert next_sessions("XNYS", date(2024, 12, 23), 0) == ()


def test_sessions_between_includes_both_ends() -> None:
    assert sessions_between("XNYS", date(2024, 7, 3), date(2024, 7, 5)) == (
        date(2024, 7, 3),
        date(2024, 7, 5),
    )
    assert sessions_between("XNYS", date(2024, 7, 4), date(2024, 7, 4)) == ()


@unhurried
@given(calendars, days, st.integers(1, 60))
def test_next_sessions_follow_each_other(calendar: str, day: date, n: int) -> None:
    following = next_sessions(calendar, day, n)
    assert len(following) == n
    assert following[0] > day
    assert following == sessions_between(calendar, day + timedelta(days=1), following[-1])


@unhurried
@given(calendars, days)
def test_a_session_is_its_own_last_session(calendar: str, day: date) -> None:
    session = session_on_or_before(calendar, day)
    assert session <= day
    assert is_session(calendar, session)
    assert is_session(calendar, day) == (session == day)
    assert next_sessions(calendar, session, 1)[0] > day


@unhurried
@given(calendars, days, st.integers(0, 23))
def test_a_later_now_never_has_an_earlier_session(calendar: str, day: date, hour: int) -> None:
    now = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    first, second = (
        last_closed_session(calendar, now),
        last_closed_session(calendar, now + timedelta(hours=7)),
    )
    assert first <= second
    assert first <= day


@pytest.mark.parametrize(
    ("look_up", "sentence"),
    [
        (lambda: is_session("XXXX", date(2024, 6, 5)), "'XXXX'"),
        (lambda: is_session("XNYS", date(1969, 12, 31)), "XNYS begins 1970-01-01"),
        (lambda: is_session("XTKS", date(1996, 6, 5)), "XTKS begins 1997-01-01"),
        (lambda: is_session("XSAU", date(2019, 12, 30)), "XSAU begins 2021-01-01"),
        (lambda: is_session("XTKS", date(1986, 6, 5)), "XTKS begins 1997-01-01"),
        (lambda: is_session("XNYS", date(9999, 1, 1)), "found 9999-01-01"),
        (lambda: session_on_or_before("XNYS", date(1970, 1, 1)), "found a session before"),
        (lambda: next_sessions("XHKG", date(2049, 12, 20), 30), "found 30 sessions after 2049-12-20"),
        (lambda: sessions_between("XNYS", date(1950, 1, 1), date(2024, 1, 1)), "found 1950-01-01"),
    ],
)
def test_a_day_outside_of_a_calendar_is_refused_in_one_sentence(
    look_up: Callable[[], object], sentence: str
) -> None:
    with pytest.raises(CalendarError, match=sentence) as caught:
        look_up()
    assert "\n" not in str(caught.value)


def test_a_closed_day_is_no_session_and_an_opened_one_ends_at_the_usual_hour() -> None:
    closed, opened = date(2024, 6, 5), date(2024, 6, 8)
    calendar = Calendar("XNYS", frozenset([closed]), frozenset([opened]))
    assert sessions_between(calendar, date(2024, 6, 4), date(2024, 6, 10)) == tuple(
        date(2024, 6, day) for day in (4, 6, 7, 8, 10)
    )
    assert not is_session(calendar, closed)
    assert last_closed_session(calendar, datetime(2024, 6, 5, 23, tzinfo=UTC)) == date(2024, 6, 4)
    assert last_closed_session(calendar, datetime(2024, 6, 8, 20, 29, tzinfo=UTC)) == date(2024, 6, 7)
    assert last_closed_session(calendar, datetime(2024, 6, 8, 20, 30, tzinfo=UTC)) == opened


def test_changes_that_the_calendar_has_already_change_nothing() -> None:
    sunday, monday = date(2024, 6, 2), date(2024, 6, 3)
    calendar = Calendar("XNYS", frozenset([sunday]), frozenset([monday]))
    span = date(2024, 5, 1), date(2024, 7, 1)
    assert sessions_between(calendar, *span) == sessions_between("XNYS", *span)


def test_a_calendar_has_a_zone_and_a_first_day() -> None:
    assert (calendar_zone("XTKS"), first_day("XTKS")) == ("Asia/Tokyo", date(1997, 1, 1))
    assert first_day(Calendar("XNYS")) == date(1970, 1, 1)
