"""Sessions of several tickers together: which days count, and which of them still lack bands.

A symbol of no known exchange, or of one whose calendar ends too early, has no sessions here: a run
quarantines it by name, and the others go on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from forecasting.calendars.exchanges import is_unplaced
from forecasting.calendars.lookup import STANDARD, Calendars
from forecasting.calendars.sessions import (
    Calendar,
    is_session,
    last_closed_session,
    session_on_or_before,
    sessions_between,
)
from forecasting.errors import CalendarError, UnknownExchangeError, UsageError

A_DAY = timedelta(hours=24)
CALENDAR_DAYS = 3  # of each session looked back on, at most: holidays come with weekends


@dataclass(frozen=True)
class Span:
    """Days from the first to the last, both included."""

    first: date
    last: date


def list_sessions(tickers: Iterable[str], span: Span, calendars: Calendars = STANDARD) -> list[date]:
    """Return every day of the span on which an exchange of the tickers trades, oldest first."""
    days: set[date] = set()
    for calendar in list_calendars(tickers, calendars):
        with suppress(CalendarError):
            days.update(sessions_between(calendar, span.first, span.last))
    return sorted(days)


def list_calendars(tickers: Iterable[str], calendars: Calendars = STANDARD) -> list[Calendar]:
    """Return the calendars of the tickers of a known exchange, sorted by name."""
    found = {calendar for ticker in tickers if (calendar := calendars.find(ticker))}
    return sorted(found, key=lambda calendar: calendar.name)


def find_unfinished(
    tickers: Sequence[str],
    day: date,
    finished: Collection[tuple[str, date]],
    *,
    calendars: Calendars = STANDARD,
) -> tuple[str, ...]:
    """Return the tickers whose exchange trades on that day and that are not finished.

    Args:
        tickers: The universe.
        day: The session.
        finished: Ticker and session of what is finished.
        calendars: Of the tickers.
    """
    missing = [ticker for ticker in tickers if (ticker, day) not in finished]
    return tuple(ticker for ticker in missing if _trades(ticker, day, calendars))


def look_back(as_of: date, sessions: int) -> Span:
    """Return days among which the `sessions` sessions before `as_of` surely lie."""
    return Span(as_of - timedelta(days=CALENDAR_DAYS * sessions + 7), as_of - timedelta(days=1))


def find_missing_sessions(
    tickers: Sequence[str],
    as_of: date,
    sessions: int,
    *,
    first_sessions: Mapping[str, date],
    finished: Collection[tuple[str, date]],
    calendars: Calendars = STANDARD,
) -> tuple[date, ...]:
    """Return the sessions among the last few before `as_of` that lack a ticker, oldest first.

    Nothing is missing before a ticker's first forecast, and a ticker that was left out for a reason is not
    missing either, where others have bands; so such a session is filled at most once.

    Args:
        tickers: The universe.
        as_of: The session of the run.
        sessions: How many to look back on, 1 at least.
        first_sessions: Ticker -> session of its first forecast.
        finished: Ticker and session of every forecast and quarantine that counts, among the days of
            `look_back`.
        calendars: Of the tickers.
    """
    started = [ticker for ticker in tickers if ticker in first_sessions]
    days = list_sessions(started, look_back(as_of, sessions), calendars)[-sessions:]
    return tuple(
        day
        for day in days
        if find_unfinished(
            [name for name in started if first_sessions[name] <= day], day, finished, calendars=calendars
        )
    )


def newest_closed_session(
    tickers: Iterable[str], now: datetime, lag: timedelta, *, calendars: Calendars = STANDARD
) -> date:
    """Return the newest closed session of any exchange; of an index of unknown place, as `presume` says.

    Raises:
        UsageError: No ticker is of an exchange whose sessions are known.
    """
    closed: list[date] = []
    tickers = tuple(tickers)
    presumed = [calendars.presume(ticker) for ticker in tickers if is_unplaced(ticker)]
    for calendar in list_calendars(tickers, calendars) or presumed[:1]:
        with suppress(CalendarError):
            closed.append(last_closed_session(calendar, now, lag))
    if not closed:
        raise UsageError(
            f"Expected a ticker of an exchange whose sessions are known on {now.date()}, found none; "
            "BRK.B is written BRK-B, and a newer exchange_calendars reaches further."
        )
    return max(closed)


def find_session(tickers: Iterable[str], day: date, calendars: Calendars = STANDARD) -> date:
    """Return the last session of any exchange of the tickers on or before a day; the day if none is known."""
    sessions: list[date] = []
    for calendar in list_calendars(tuple(tickers), calendars):
        with suppress(CalendarError):
            sessions.append(session_on_or_before(calendar, day))
    return max(sessions, default=day)


def had_no_session(
    tickers: Sequence[str], now: datetime, lag: timedelta, *, calendars: Calendars = STANDARD
) -> bool:
    """Return whether no exchange of the tickers has closed a session in the 24 hours before `now`."""
    before = newest_closed_session(tickers, now - A_DAY, lag, calendars=calendars)
    return before == newest_closed_session(tickers, now, lag, calendars=calendars)


def _trades(ticker: str, day: date, calendars: Calendars) -> bool:
    """Return whether the ticker's exchange is known to trade on that day."""
    with suppress(UnknownExchangeError, CalendarError):
        return is_session(calendars.of(ticker), day)
    return False
