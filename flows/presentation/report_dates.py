"""Earnings reports for people: those that a chart or a table shows, past, announced and projected."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta

import numpy as np

from db import Transaction
from forecasting.calendars.listed_reports import ReportCheck
from forecasting.calendars.lookup import STANDARD, Calendars
from forecasting.calendars.reports import YEAR, EarningsDates, Report
from forecasting.calendars.sessions import sessions_between
from forecasting.errors import CalendarError, UnknownExchangeError
from forecasting.features.report_days import DatedReport, list_reports

AFTER = timedelta(days=140)  # calendar days looked at after a session
A_DAY = timedelta(days=1)
_ORIGINS = {
    "file": "earnings.csv",
    "sample": "the sample",
    "page": "Yahoo's page",
    "events": "Yahoo's events",
    None: "an old release",
}
_TIMES = {"before_open": "before the open", "after_close": "after the close", "unknown": "time unknown"}


def load_reports(
    tx: Transaction,
    sessions: Mapping[str, Sequence[date]],
    known_at: datetime,
    *,
    known_ahead: int | None,
    calendars: Calendars = STANDARD,
) -> dict[str, tuple[DatedReport, ...]]:
    """Load the reports of some tickers in order of time, as a forecast from a session of each knew them.

    They begin a year before the first of the sessions: older ones do not affect those ahead.

    Args:
        tx: An open transaction.
        sessions: Ticker -> its session, and the next ones as far as they are stored.
        known_at: Instant (UTC) of what was stored by then.
        known_ahead: Sessions before a report from which its date counts; None loads no reports.
        calendars: Give the next sessions where fewer than `known_ahead` are stored.
    """
    if known_ahead is None or not sessions:
        return {}
    stored = tx.earnings.load(sessions, known_at, min(first for first, *_ in sessions.values()) - YEAR)
    found = {}
    for ticker, (session, *following) in sessions.items():
        if not stored[ticker]:
            continue
        # Without sessions nothing can be forecast, nor marked.
        with suppress(CalendarError, UnknownExchangeError):
            axis: Sequence[date] = (session, *following)
            if len(following) < known_ahead:  # a calendar takes a quarter of a second
                later = sessions_between(calendars.of(ticker), session + A_DAY, session + AFTER)
                axis = (session, *later)
            dates = EarningsDates(stored[ticker], known_ahead)
            found[ticker] = list_reports(dates, np.array(axis, "datetime64[D]"), session)
    return found


def select_reports(reports: Sequence[DatedReport], first: date, last: date) -> tuple[DatedReport, ...]:
    """Select the reports from a day to another, both included."""
    return tuple(report for report in reports if first <= report.day <= last)


def describe_report(report: DatedReport) -> str:
    """Describe a report in a few words: its day, its time of day, and how its date is known."""
    day = f"around {report.day}" if report.status == "projected" else report.day
    return f"{day}, {_TIMES[report.when]}, {report.status}"


def describe_origin(
    coming: DatedReport | None, stored: Sequence[Report], session: date, *, check: ReportCheck | None
) -> str | None:
    """Describe where the date of a coming report is from, and what is not used yet; None for nothing.

    Args:
        coming: The report, as a forecast from the session expects it.
        stored: All reports of the ticker that are used.
        session: The session.
        check: Newest attempt to read dates from a live source.
    """
    announced = {report.day: _ORIGINS[report.origin] for report in stored if report.day > session}
    parts = []
    if coming is not None:
        parts.append(announced.pop(coming.day) if coming.status == "announced" else "last year's")
    if announced and (coming is None or coming.status == "projected"):
        day = min(announced)
        parts.append(f"{day} by {announced[day]}")
    if check is not None and check.reason:
        parts.append(f"not read on {check.tried_at:%Y-%m-%d}: {check.reason}")
    return "; ".join(parts) or None
