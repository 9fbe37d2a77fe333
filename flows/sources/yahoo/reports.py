"""Yahoo's two lists of a ticker's earnings dates, read through yfinance.

The page lists past and coming reports with the hour of each. The events of a quote list the coming one, or
the first and last day of a span in which Yahoo guesses it to be.
"""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd

from flows.sources.yahoo.chart import ANSWERS
from forecasting.calendars.listed_reports import place_stamp
from forecasting.calendars.reports import Report
from forecasting.calendars.sessions import Calendar
from forecasting.errors import VendorError
from forecasting.types import ReportOrigin

if TYPE_CHECKING:
    import yfinance

    from flows.sources.yahoo.session import YahooSession

REPORT_PAGES = ("/calendar/earnings", "/quoteSummary/")
MOST_ROWS = 100  # that Yahoo's page shows: 25 years of quarters
_OWN_PAGE = b"earnings"  # stands in every page of earnings dates, and on no consent page or notice


def read_list(
    ticker: "yfinance.Ticker", session: "YahooSession", origin: ReportOrigin, *, calendar: Calendar
) -> tuple[Report, ...]:
    """Read one of the lists.

    Raises:
        VendorError: The answer holds no list.
        CalendarError: A report lies outside of the calendar.
        Exception: Whatever yfinance raises.
    """
    stamps = _read_page(ticker, session) if origin == "page" else _read_events(ticker, session)
    return tuple(place_stamp(stamp, calendar, origin) for stamp in stamps)


def _read_page(ticker: "yfinance.Ticker", session: "YahooSession") -> list[datetime]:
    frame = ticker.get_earnings_dates(limit=MOST_ROWS)
    _require_answer(ticker, session)
    if frame is not None:
        return [stamp.to_pydatetime() for stamp in pd.DatetimeIndex(frame.index).dropna()]
    if session.answer is None or _OWN_PAGE not in session.answer.content.lower():
        raise VendorError(ticker.ticker, "a page that is none of earnings dates")
    return []


def _read_events(ticker: "yfinance.Ticker", session: "YahooSession") -> list[datetime]:
    """Read the stamps from the answer: yfinance turns them into days of this machine's time zone."""
    try:
        _ = ticker.calendar
    except Exception:
        if session.answer is None or session.answer.status_code not in ANSWERS:
            raise
    answer = _require_answer(ticker, session)
    stamps = _find_stamps(json.loads(answer.content))
    is_span = len(set(stamps)) > 1
    return [] if is_span else [datetime.fromtimestamp(stamp, UTC) for stamp in stamps[:1]]


def _require_answer(ticker: "yfinance.Ticker", session: "YahooSession") -> Any:
    if session.answer is None:
        raise VendorError(ticker.ticker, "no answer to a request for earnings dates")
    if session.answer.status_code not in ANSWERS:
        raise VendorError(ticker.ticker, f"HTTP status {session.answer.status_code}")
    return session.answer


def _find_stamps(answer: dict[str, Any]) -> list[int]:
    """Return the seconds of the coming report; none for a symbol without events."""
    results = (answer.get("quoteSummary") or {}).get("result") or [{}]
    events = results[0].get("calendarEvents") or {}
    return [int(stamp) for stamp in (events.get("earnings") or {}).get("earningsDate") or []]
