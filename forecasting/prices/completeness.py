"""Completeness of prices: bars on the sessions of the exchange, for most of them, up to the last one."""

from contextlib import suppress
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.calendars.exchanges import FUTURES, WEEKDAYS
from forecasting.calendars.sessions import Calendar, as_calendar, first_day, next_sessions, sessions_between
from forecasting.errors import (
    CalendarError,
    GapError,
    SessionsUnknownError,
    StaleHistoryError,
    WrongSessionsError,
)
from forecasting.prices.history import PriceHistory
from forecasting.text import format_count

OFF_CALENDAR_SHARE = 0.1  # a date shifted by a day puts a fifth of all bars on a weekend
LOOSE_SHARE = 0.5  # of loose calendars: bars of every day have two sevenths on weekends
DENSITY_SESSIONS = 250
LEAST_DENSITY = 0.6  # share of sessions with a bar: one of every second has half, one halted for a month .9
BREAK_SESSIONS = 25  # a tenth of them
DAILY_SHARE = 0.9  # of such short stretches, from where a sparse block has daily bars
NAMED_DAYS = 3
GAP_WINDOW = 60  # sessions; older gaps lie before the network's lookback, and shift a quarter a little
BELIEVED_AFTER = 3  # bars that follow a session without one; what a vendor has lost it finds again by then
LOOSE_CALENDARS = (WEEKDAYS, FUTURES)  # their holidays differ from the vendor's by some days a year


def keep_sessions(history: PriceHistory, calendar: Calendar | str) -> PriceHistory:
    """Return the history with the bars that lie on sessions of the calendar.

    Before the calendar begins every weekday counts as a session, and a bar of any day stays. History up to a
    time without daily bars is left out, with a note.

    Raises:
        WrongSessionsError: More than `OFF_CALENDAR_SHARE` (or `LOOSE_SHARE`) of the bars do not, or the bars
            of the last `DENSITY_SESSIONS` sessions cover less than `LEAST_DENSITY` of them.
        SessionsUnknownError: The calendar does not reach as far as the bars.
    """
    bars, name = history.bars, as_calendar(calendar).name
    other = find_off_calendar(history, calendar)
    kept = replace(history, bars=bars.drop(other))
    is_loose = name in LOOSE_CALENDARS
    if len(other) > (LOOSE_SHARE if is_loose else OFF_CALENDAR_SHARE) * len(bars):
        found = f"{len(other)} of {len(bars)} on other days, such as {other[-1].date()}"
        raise WrongSessionsError(history.ticker, f"bars on sessions of {name}", found)
    kept = _keep_dense(kept, calendar)
    left_out = other.append(_find_days_off_after(history, calendar))
    if left_out.empty or is_loose:
        return kept
    days = ", ".join(str(day.date()) for day in left_out[-NAMED_DAYS:])
    return kept.noting(
        f"{format_count(len(left_out), 'bar')} on days without a session of {name} left out: {days}"
    )


def _find_days_off_after(
    history: PriceHistory, calendar: Calendar | str, session: date | None = None
) -> pd.DatetimeIndex:
    """Return the days of an owner's file after the history's last bar and before the session that follows.

    Args:
        history: Of the file.
        calendar: Of the ticker's exchange.
        session: The one that is followed on, where it is not that of the last bar.
    """
    if history.owned is None or history.bars.empty:
        return pd.DatetimeIndex([])
    later = history.owned[history.owned > history.bars.index[-1]]
    with suppress(CalendarError):
        (following,) = next_sessions(calendar, session or history.last_session, 1)
        return later[later < pd.Timestamp(following)]
    return later[:0]


def _keep_dense(history: PriceHistory, calendar: Calendar | str) -> PriceHistory:
    """Return the history from where its bars are daily."""
    if history.bars.empty:
        return history
    sessions = _list_sessions(calendar, history.bars.index)
    present = sessions.isin(history.bars.index)
    for end in range(len(sessions), 0, -DENSITY_SESSIONS):
        block = present[max(end - DENSITY_SESSIONS, 0) : end]
        if block.mean() >= LEAST_DENSITY:
            continue
        bars = format_count(block.sum(), "bar")
        possible = format_count(len(block), "session")
        found = f"{bars} in {possible} up to {sessions[end - 1].date()}"
        if end == len(sessions):
            raise WrongSessionsError(history.ticker, "a bar for each session", found)
        last = sessions[_find_break(present, end) - 1].date()
        return history.after(last).noting(f"history up to {last} left out: {found}")
    return history


def _find_break(present: NDArray[np.bool_], end: int) -> int:
    """Return the end of the newest short stretch up to `end` without daily bars."""
    ends = range(end, 0, -BREAK_SESSIONS)
    return next(stop for stop in ends if present[max(stop - BREAK_SESSIONS, 0) : stop].mean() < DAILY_SHARE)


def _list_sessions(calendar: Calendar | str, days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the sessions from the first day to the last one; before the calendar begins, every weekday."""
    begin = pd.Timestamp(first_day(calendar))
    earlier = pd.bdate_range(days[0], min(days[-1], begin - pd.Timedelta(days=1)))
    if days[-1] < begin:
        return earlier
    known = sessions_between(calendar, max(days[0], begin).date(), days[-1].date())
    return earlier.append(pd.DatetimeIndex(known))


def drop_off_calendar(history: PriceHistory, calendar: Calendar | str) -> PriceHistory:
    """Return the history without its bars of days on which the exchange is closed.

    A bar may have been stored before its day was known as closed, or under another calendar.

    Raises:
        SessionsUnknownError: The calendar does not reach as far as the bars.
    """
    other = find_off_calendar(history, calendar)
    return history if other.empty else replace(history, bars=history.bars.drop(other))


def find_off_calendar(history: PriceHistory, calendar: Calendar | str) -> pd.DatetimeIndex:
    """Return the days with a bar on which the exchange is closed, the oldest first.

    Days before the calendar begins are not among them.

    Raises:
        SessionsUnknownError: The calendar does not reach as far as the bars.
    """
    days = history.bars.loc[pd.Timestamp(first_day(calendar)) :].index
    if days.empty:
        return days
    try:
        sessions = sessions_between(calendar, days[0].date(), days[-1].date())
    except CalendarError as error:
        raise SessionsUnknownError(history.ticker, str(error)) from error
    return days[~days.isin(pd.DatetimeIndex(sessions))]


def find_gaps(bars: pd.DataFrame, calendar: Calendar | str, end: date) -> tuple[date, ...]:
    """Return the sessions from the first bar to `end` that have no bar, the oldest first."""
    if bars.empty:
        return ()
    present = set(bars.index.date)
    return tuple(day for day in sessions_between(calendar, bars.index[0].date(), end) if day not in present)


def find_believed_gaps(history: PriceHistory, calendar: Calendar | str, session: date) -> tuple[date, ...]:
    """Return the recent sessions without a bar that are no longer waited for, the oldest first.

    They lie among the last `GAP_WINDOW`, and the source has given `BELIEVED_AFTER` later bars or more.
    """
    recent = history.until(session).bars.iloc[-GAP_WINDOW:]
    gaps = find_gaps(recent, calendar, session)
    return tuple(day for day in gaps if (recent.index > pd.Timestamp(day)).sum() >= BELIEVED_AFTER)


def check_complete(history: PriceHistory, calendar: Calendar | str, session: date) -> None:
    """Raise unless the last session is there and none of the latest ones is still waited for.

    Args:
        history: Stored bars, with the days of an owner's file.
        calendar: Of the ticker's exchange.
        session: The last closed one.

    Raises:
        StaleHistoryError: No bar for `session`.
        GapError: None for one of the sessions before it, with fewer than `BELIEVED_AFTER` later bars; a loose
            calendar is not held to that.
    """
    known = history.until(session)
    if known.bars.empty or known.last_session != session:
        found = None if known.bars.empty else known.last_session
        days_off = _find_days_off_after(known, calendar, session)
        odd = days_off[-1].date() if len(days_off) else None
        raise StaleHistoryError(history.ticker, expected=session, found=found, day_off=odd)
    latest = known.bars.iloc[-BELIEVED_AFTER:]
    missing = find_gaps(latest, calendar, session)
    if missing and as_calendar(calendar).name not in LOOSE_CALENDARS:
        raise GapError(history.ticker, missing)
