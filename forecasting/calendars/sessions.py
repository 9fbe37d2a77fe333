"""Exchange sessions as plain dates: those closed at an instant, and those that follow.

Nothing here reads the clock. exchange_calendars by default builds the twenty years before today and one year
after; here the bounds are 1970 and the end of the decade in question, so an answer never depends on the day.
"""

import functools
import threading
import warnings
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.errors import CalendarError, UsageError
from forecasting.text import format_count
from forecasting.types import ReportTime

Days = NDArray[np.datetime64]

FIRST = date(1970, 1, 1)
LAST = date(2199, 12, 31)
_ANY_YEAR = 2029  # in which every calendar has begun
_BUILDING = threading.Lock()
CLOSE_LAG = timedelta(minutes=30)  # vendors print the official close up to half an hour late


@dataclass(frozen=True)
class Calendar:
    """An installed calendar with the days on which its exchange did otherwise.

    Attributes:
        name: exchange_calendars name, as from `calendar_name`.
        closures: Sessions of it on which the exchange does not trade.
        openings: Other days on which it does.
    """

    name: str
    closures: frozenset[date] = frozenset()
    openings: frozenset[date] = frozenset()


@dataclass(frozen=True)
class _Timetable:
    """Sessions of one calendar over whole decades: (T,) days, opens and closes in UTC, bounds and zone."""

    days: Days
    opens: Days
    closes: Days
    first: date
    last: date
    zone: str


def last_closed_session(calendar: Calendar | str, now: datetime, lag: timedelta = CLOSE_LAG) -> date:
    """Return the newest session whose close lies at least `lag` before `now`.

    Args:
        calendar: Calendar, or the exchange_calendars name of one without changes.
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


def session_on_or_before(calendar: Calendar | str, day: date) -> date:
    """Return the newest session that is not after `day`."""
    table = _timetable(calendar, day)
    return _day(table, calendar, int(np.searchsorted(table.days, np.datetime64(day), side="right")) - 1)


def next_sessions(calendar: Calendar | str, session: date, n: int) -> tuple[date, ...]:
    """Return the first `n` sessions after `session`, the nearest first."""
    table = _timetable(calendar, session, reach=session + timedelta(days=2 * n + 30))
    start = int(np.searchsorted(table.days, np.datetime64(session), side="right"))
    if start + n > len(table.days):
        raise _out_of_bounds(calendar, f"{format_count(n, 'session')} after {session}", table, is_late=True)
    return tuple(table.days[start : start + n].tolist())


def sessions_between(calendar: Calendar | str, start: date, end: date) -> tuple[date, ...]:
    """Return every session from `start` to `end`, both included."""
    table = _timetable(calendar, start, end)
    left = np.searchsorted(table.days, np.datetime64(start), side="left")
    right = np.searchsorted(table.days, np.datetime64(end), side="right")
    return tuple(table.days[left:right].tolist())


def closes_between(calendar: Calendar | str, start: date, end: date) -> tuple[datetime, ...]:
    """Return the close of every session from `start` to `end`, both included, in the exchange's time zone."""
    table = _timetable(calendar, start, end)
    zone = ZoneInfo(table.zone)
    left = np.searchsorted(table.days, np.datetime64(start), side="left")
    right = np.searchsorted(table.days, np.datetime64(end), side="right")
    closes = table.closes[left:right].tolist()
    return tuple(close.replace(tzinfo=UTC).astimezone(zone) for close in closes)


def is_session(calendar: Calendar | str, day: date) -> bool:
    """Return whether the exchange trades on `day`."""
    return session_on_or_before(calendar, day) == day


def find_time_of_day(calendar: Calendar | str, at: datetime) -> ReportTime:
    """Return whether an instant lies before the open or after the close of its day at the exchange.

    It is unknown during trading, and on a day that is no session.

    Raises:
        CalendarError: Unknown calendar, or a day outside its bounds.
    """
    day = at.astimezone(ZoneInfo(calendar_zone(as_calendar(calendar).name))).date()
    if not is_session(calendar, day):
        return "unknown"
    table = _timetable(calendar, day)
    row = int(np.searchsorted(table.days, np.datetime64(day)))
    instant = np.datetime64(at.astimezone(UTC).replace(tzinfo=None), "s")
    if instant < table.opens[row]:
        return "before_open"
    return "after_close" if instant >= table.closes[row] else "unknown"


def as_calendar(calendar: Calendar | str) -> Calendar:
    """Return the calendar of that name, without changes; a calendar stays as it is."""
    return Calendar(calendar) if isinstance(calendar, str) else calendar


def calendar_zone(name: str) -> str:
    """Return the time zone of a calendar's exchange."""
    return _build(name, _ANY_YEAR).zone


def first_day(calendar: Calendar | str) -> date:
    """Return the day on which a calendar begins."""
    return _build(as_calendar(calendar).name, _ANY_YEAR).first


def _day(table: _Timetable, calendar: Calendar | str, index: int) -> date:
    if index < 0:
        raise _out_of_bounds(calendar, "a session before the first one", table, is_late=False)
    day: date = table.days[index].item()
    return day


def _timetable(calendar: Calendar | str, *days: date, reach: date = FIRST) -> _Timetable:
    """Return the sessions of a calendar over bounds that hold all of `days`, and `reach` if possible."""
    end_year = min(max(*days, reach).year // 10 * 10 + 9, LAST.year)
    table = _build_changed(as_calendar(calendar), end_year)
    for day in days:
        if not table.first <= day <= table.last:
            raise _out_of_bounds(calendar, f"{day}", table, is_late=day > table.last)
    return table


def _out_of_bounds(
    calendar: Calendar | str, wanted: str, table: _Timetable, *, is_late: bool
) -> CalendarError:
    bound = f"ends {table.last}" if is_late else f"begins {table.first}"
    advice = "earlier days, or upgrade the package exchange_calendars" if is_late else "later days"
    return CalendarError(
        f"Expected days that the calendar of the exchange covers (calendar {as_calendar(calendar).name} "
        f"{bound}), found {wanted}; take {advice}."
    )


@functools.lru_cache(maxsize=256)
def _build_changed(calendar: Calendar, end_year: int) -> _Timetable:
    """Build the sessions of a calendar with its closures left out and its openings put in."""
    table = _build(calendar.name, end_year)
    if not calendar.closures and not calendar.openings:
        return table
    closed = np.isin(table.days, np.array(sorted(calendar.closures), "datetime64[D]"))
    opened = np.array(sorted(calendar.openings), "datetime64[D]")
    within = (opened >= table.days[0]) & (opened <= np.datetime64(table.last))
    opened = opened[within & ~np.isin(opened, table.days)]
    # An opening has the hours of the session before it.
    before = np.searchsorted(table.days, opened) - 1
    later = opened - table.days[before]
    days = np.concatenate([table.days[~closed], opened])
    order = np.argsort(days)

    def put_in(hours: Days) -> Days:
        return np.concatenate([hours[~closed], hours[before] + later])[order]

    return replace(table, days=days[order], opens=put_in(table.opens), closes=put_in(table.closes))


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
        opens, closes = (
            hours.dt.tz_convert(None).to_numpy("datetime64[s]") for hours in (exchange.opens, exchange.closes)
        )
        days = exchange.sessions.to_numpy("datetime64[D]")
        return _Timetable(days, opens, closes, first, last, str(exchange.tz))


def _bounds(exchange_calendars: Any, calendar: str, end: date) -> tuple[date, date]:
    """Narrow the wanted bounds to those of the calendar (Riyadh from 2021, Mumbai to the end of 2026)."""
    known = exchange_calendars.get_calendar(calendar, start="2023-01-01", end="2023-12-31")
    earliest, latest = known.bound_min(), known.bound_max()
    first = max(FIRST, earliest.date()) if earliest is not None else FIRST
    last = max(end, date(first.year // 10 * 10 + 9, 12, 31))  # the wanted days may lie before the first one
    return first, min(last, latest.date()) if latest is not None else last
