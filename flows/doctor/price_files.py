"""Check a folder of price files without writing anything: what would be taken of each, and why not."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from flows.progress_line import ProgressLine
from flows.sources.csv_folder import CsvSource
from flows.sources.csv_folder.earnings import EARNINGS_FILE
from flows.sources.csv_folder.source import NO_LAG
from forecasting.calendars.lookup import STANDARD, Calendars, find_targets
from forecasting.calendars.sessions import Calendar, last_closed_session, session_on_or_before
from forecasting.errors import (
    CalendarError,
    GapError,
    PriceError,
    SessionsUnknownError,
    ShortHistoryError,
    SourceError,
)
from forecasting.prices.activity import check_trading
from forecasting.prices.completeness import check_complete
from forecasting.prices.history import PriceHistory
from forecasting.prices.reconciliation import accept_first

NAME_TAKEN = "TICKER.csv, such as AAPL.csv"


@dataclass(frozen=True)
class FileCheck:
    """Bars that a run would take of one file.

    Attributes:
        file: Its name.
        ticker: The symbol; None where the name is none.
        bars: Number of bars that would be taken.
        first: First session of them.
        last: Last one.
        reason: Why the ticker would be left out; empty where it would not.
        detail: That reason, or what would be left out of the file, in words.
    """

    file: str
    ticker: str | None
    bars: int = 0
    first: date | None = None
    last: date | None = None
    reason: str = ""
    detail: str = ""


def check_price_files(
    folder: Path, now: datetime, calendars: Calendars = STANDARD, *, horizon: int = 1, needed: int = 1
) -> Iterator[FileCheck]:
    """Check every CSV file of a folder as a run would, on a fresh store; show progress.

    Args:
        folder: Of the files.
        now: Instant of the run (UTC).
        calendars: Of the symbols.
        horizon: Sessions ahead that a run forecasts.
        needed: Sessions that its model needs.

    Raises:
        SourceError: The folder holds no file of a ticker.
    """
    source = CsvSource(folder, now, calendars)
    tickers = source.tickers()
    progress = ProgressLine("files", len(tickers))
    for ticker in tickers:
        source.last_day(ticker)  # reads the file, which is kept
        progress.step()
    session = source.last_session(tickers)
    for ticker in tickers:
        yield _check_file(source, ticker, session or now.date(), now=now, horizon=horizon, needed=needed)
    for name in source.ignored_files():
        yield FileCheck(name, None, reason="file_name", detail=f"expected {NAME_TAKEN}; rename or unpack it")
    yield from _check_earnings(source)


def _check_earnings(source: CsvSource) -> Iterator[FileCheck]:
    """Check the earnings dates; nothing where all can be read."""
    try:
        faults = source.earnings().faults
    except SourceError as error:
        faults = (str(error),)
    for fault in faults:
        yield FileCheck(EARNINGS_FILE, None, reason="earnings_dates", detail=fault)


def _check_file(
    source: CsvSource, ticker: str, day: date, *, now: datetime, horizon: int, needed: int
) -> FileCheck:
    file = f"{ticker}.csv"
    try:
        history = _read_history(source, ticker, day, now=now)
        if len(history.bars) < needed:
            raise ShortHistoryError(ticker, found=len(history.bars), needed=needed)
        find_targets(ticker, history.last_session, horizon, calendars=source.calendars)
    except PriceError as error:
        return FileCheck(file, ticker, reason=error.reason, detail=str(error))
    except CalendarError as error:
        unknown = SessionsUnknownError(ticker, str(error))
        return FileCheck(file, ticker, reason=unknown.reason, detail=str(unknown))
    first = history.bars.index[0].date()
    notes = "; ".join(history.notes)
    return FileCheck(file, ticker, len(history.bars), first, history.last_session, detail=notes)


def _read_history(source: CsvSource, ticker: str, day: date, *, now: datetime) -> PriceHistory:
    """Return what a run of a day would store.

    Raises:
        PriceError: It would leave the ticker out.
        CalendarError: The exchange's sessions are not known.
    """
    calendar = source.calendars.of(ticker)
    session = _find_session(calendar, day, now)
    history = accept_first(source.fetch(ticker, None, session), calendar)
    check_trading(history)
    try:
        check_complete(history, calendar, session)
    except GapError as error:
        return history.noting(str(error))  # the owner decides on what sessions a file has
    return history


def _find_session(calendar: Calendar, day: date, now: datetime) -> date:
    """Return the last session of an exchange up to a day that had closed."""
    session = session_on_or_before(calendar, day)
    with suppress(CalendarError):  # files of earlier years may outlive their calendar
        return min(session, last_closed_session(calendar, now, NO_LAG))
    return session
