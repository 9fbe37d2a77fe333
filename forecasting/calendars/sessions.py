"""Exchange sessions as plain dates: those closed at an instant, and those that follow.

Nothing here reads the clock. exchange_calendars by default builds the twenty years before today and one year
after; here the bounds are 1970 and the end of the decade in question, so an answer never depends on the day.
"""

import functools
import threading
import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import CalendarError, UsageError

Days = NDArray[np.datetime64]

FIRST = date(1970, 1, 1)
LAST = date(2199, 12, 31)
_BUILDING = threading.Lock()
CLOSE_LAG = timedelta(minutes=30)  # vendors print the official close up to half an hour late


@dataclass(frozen=True)
class _Timetable:
    """Sessions of one calendar over whole decades: (T,) days, (T,) closes in UTC, the bounds, the zone."""

    days: Days
    closes: Days
    first: date
    last: date
    zone: str


def last_closed_session(calendar: str, now: datetime, lag: timedelta = CLOSE_LAG) -> date:
    """Return the newest session whose close lies at least `lag` before `now`.

    Args:
        calendar: exchange_calendars name, as from `exchanges.calendar_name`.
        now: The instant, aware.
        lag: Time after the close until its price counts as final.

    Raises:
        CalendarError: Unknown calendar, or `now` outside its bounds.
        UsageError: `now` has no time zone.
    """
    if now.tzinfo is None:
        raise UsageError(
            f"Expected an instant with a time zone, found {now.isoformat()}; add one, as +00:00."
        )
    instant = (now - lag).astimezone(UTC)
    table = _timetable(calendar, instant.date())
    closed = np.searchsorted(table.closes, np.datetime64(instant.replace(tzinfo=None), "s"), side="right")
    return _day(table, calendar, int(closed) - 1)


def session_on_or_before(calendar: str, day: date) -> date:
    """Return the newest session that is not after `day`."""
    table = _timetable(calendar, day)
    return _day(table, calendar, int(np.searchsorted(table.days, np.datetime64(day), side="right")) - 1)


def next_sessions(calendar: str, session: date, n: int) -> tuple[date, ...]:
    """Return the first `n` sessions after `session`, the nearest first."""
    table = _timetable(calendar, session, reach=session + timedelta(days=2 * n + 30))
    start = int(np.searchsorted(table.days, np.datetime64(session), side="right"))
    if start + n > len(table.days):
        raise _out_of_bounds(calendar, f"{n} sessions after {session}", table)
    return tuple(table.days[start : start + n].tolist())


def sessions_between(calendar: str, start: date, end: date) -> tuple[date, ...]:
    """Return every session from `start` to `end`, both included."""
    table = _timetable(calendar, start, end)
    left = np.searchsorted(table.days, np.datetime64(start), side="left")
    right = np.searchsorted(table.days, np.datetime64(end), side="right")
    return tuple(table.days[left:right].tolist())


def is_session(calendar: str, day: date) -> bool:
    """Return whether the exchange trades on `day`."""
    return session_on_or_before(calendar, day) == day


def exchange_zone(calendar: str) -> str:
    """Return the IANA name of an exchange's time zone."""
    return _timetable(calendar, date(2020, 1, 1)).zone


def _day(table: _Timetable, calendar: str, index: int) -> date:
    if index < 0:
        raise _out_of_bounds(calendar, "a session before the first one", table)
    day: date = table.days[index].item()
    return day


def _timetable(calendar: str, *days: date, reach: date = FIRST) -> _Timetable:
    """Return the sessions of a calendar over bounds that hold all of `days`, and `reach` if possible."""
    end_year = max(*days, reach).year // 10 * 10 + 9
    table = _build(calendar, min(end_year, LAST.year))
    for day in days:
        if not table.first <= day <= table.last:
            raise _out_of_bounds(calendar, f"{day}", table)
    return table


def _out_of_bounds(calendar: str, wanted: str, table: _Timetable) -> CalendarError:
    return CalendarError(
        f"Expected days between {table.first} and {table.last} for calendar {calendar}, found {wanted}; "
        "choose days within."
    )


@functools.cache
def _build(calendar: str, end_year: int) -> _Timetable:
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    # The lock: warning filters belong to the process, and threads that change them together undo each other.
    with _BUILDING, warnings.catch_warnings():
        # exchange_calendars 4.13 still calls what pandas 3 has deprecated; nothing a user could act on.
        warnings.simplefilter("ignore", pd.errors.Pandas4Warning)
        try:
            first, last = _bounds(exchange_calendars, calendar, date(end_year, 12, 31))
        except InvalidCalendarName:
            raise CalendarError(
                f"Expected the name of an exchange calendar such as XNYS, found '{calendar}'; check the name."
            ) from None
        exchange = exchange_calendars.get_calendar(calendar, start=first, end=last)
        closes = exchange.closes.dt.tz_convert(None).to_numpy("datetime64[s]")
        days = exchange.sessions.to_numpy("datetime64[D]")
        return _Timetable(days, closes, first, last, zone=str(exchange.tz))


def _bounds(exchange_calendars: Any, calendar: str, end: date) -> tuple[date, date]:
    """Narrow the wanted bounds to those of the calendar (Tokyo from 1997, Mumbai to the end of 2026)."""
    known = exchange_calendars.get_calendar(calendar, start="2023-01-01", end="2023-12-31")
    earliest, latest = known.bound_min(), known.bound_max()
    first = max(FIRST, earliest.date()) if earliest is not None else FIRST
    return first, min(end, latest.date()) if latest is not None else end
