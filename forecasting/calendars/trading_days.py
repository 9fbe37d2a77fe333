"""Sessions of several tickers together: which days count, and which of them still lack bands.

A symbol of no known exchange, or of one whose calendar ends too early, has no sessions here: a run
quarantines it by name, and the others go on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from forecasting.calendars.exchanges import calendar_name
from forecasting.calendars.sessions import is_session, last_closed_session, sessions_between
from forecasting.errors import CalendarError, UnknownExchangeError, UsageError

A_DAY = timedelta(hours=24)
CALENDAR_DAYS = 3  # of each session looked back on, at most: holidays come with weekends


@dataclass(frozen=True)
class Span:
    """Days from the first to the last, both included."""

    first: date
    last: date


def list_sessions(tickers: Iterable[str], span: Span) -> list[date]:
    """Return every day of the span on which an exchange of the tickers trades, oldest first."""
    days: set[date] = set()
    for name in list_calendars(tickers):
        with suppress(CalendarError):
            days.update(sessions_between(name, span.first, span.last))
    return sorted(days)


def list_calendars(tickers: Iterable[str]) -> list[str]:
    """Return the calendars of the tickers of a known exchange, sorted."""
    return sorted({name for ticker in tickers if (name := _find_calendar(ticker))})


def find_unfinished(
    tickers: Sequence[str], day: date, finished: Collection[tuple[str, date]]
) -> tuple[str, ...]:
    """Return the tickers whose exchange trades on that day and that are not finished.

    Args:
        tickers: The universe.
        day: The session.
        finished: Ticker and session of what is finished.
    """
    return tuple(ticker for ticker in tickers if (ticker, day) not in finished and _trades(ticker, day))


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
) -> tuple[date, ...]:
    """Return the sessions among the last few before `as_of` that lack a ticker, oldest first.

    Nothing is missing before a ticker's first forecast, and a ticker that was left out for a reason is not
    missing either, so a session is filled at most once.

    Args:
        tickers: The universe.
        as_of: The session of the run.
        sessions: How many to look back on, 1 at least.
        first_sessions: Ticker -> session of its first forecast.
        finished: Ticker and session of every forecast and quarantine among the days of `look_back`.
    """
    started = [ticker for ticker in tickers if ticker in first_sessions]
    days = list_sessions(started, look_back(as_of, sessions))[-sessions:]
    return tuple(
        day
        for day in days
        if find_unfinished([name for name in started if first_sessions[name] <= day], day, finished)
    )


def newest_closed_session(tickers: Iterable[str], now: datetime, lag: timedelta) -> date:
    """Return the newest closed session of any exchange.

    Raises:
        UsageError: No ticker is of an exchange whose sessions are known.
    """
    closed: list[date] = []
    for name in list_calendars(tickers):
        with suppress(CalendarError):
            closed.append(last_closed_session(name, now, lag))
    if not closed:
        raise UsageError(
            f"Expected a ticker of an exchange whose sessions are known on {now.date()}, found none; "
            "BRK.B is written BRK-B, and a newer exchange_calendars reaches further."
        )
    return max(closed)


def has_rested(tickers: Sequence[str], now: datetime, lag: timedelta) -> bool:
    """Return whether no exchange of the tickers has closed a session in the 24 hours before `now`."""
    return newest_closed_session(tickers, now - A_DAY, lag) == newest_closed_session(tickers, now, lag)


def _trades(ticker: str, day: date) -> bool:
    """Return whether the ticker's exchange is known to trade on that day."""
    with suppress(UnknownExchangeError, CalendarError):
        return is_session(calendar_name(ticker), day)
    return False


def _find_calendar(ticker: str) -> str | None:
    with suppress(UnknownExchangeError):
        return calendar_name(ticker)
    return None
