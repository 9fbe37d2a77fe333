"""Prices as `bandcast prices` shows them: the state of each ticker, the prices of one, a folder of files."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd

from db import Holding, QuarantineRecord, Store, Transaction
from flows.doctor.price_files import FileCheck
from flows.presentation.report_dates import describe_origin, describe_report, load_reports
from flows.presentation.scorecards import other_source_hint
from flows.presentation.tables import STORED_DIGITS, Column, Format, Sheet, sheet_from_frame, to_records
from forecasting.calendars.listed_reports import ReportCheck
from forecasting.calendars.lookup import Calendars
from forecasting.calendars.reports import Report
from forecasting.calendars.sessions import Calendar, first_day
from forecasting.errors import CalendarError, UsageError
from forecasting.features.report_days import DatedReport
from forecasting.prices.completeness import find_gaps
from forecasting.prices.history import PriceHistory
from forecasting.text import format_count, format_plain, format_price, name_some

_STATUS_COLUMNS = (
    Column("ticker", "ticker"),
    Column("first", "first"),
    Column("last", "last"),
    Column("bars", "bars", "right"),
    Column("gaps", "gaps", format=lambda gaps: format_sessions(gaps) or "none"),
    Column("closures", "closures", format=lambda closures: format_sessions(closures) or "none"),
    Column("revisions", "revisions", "right"),
    Column("report", "next report"),
    Column("report_origin", "date from"),
    Column("quarantined", "quarantined"),
    Column("detail"),
)

_NUMBER_FORMATS: Mapping[str, Format] = {"volume": ",.0f", "dividend": format_plain, "split": format_plain}

_FILE_COLUMNS = (
    Column("file", "file"),
    Column("ticker"),
    Column("bars", "bars", "right"),
    Column("first", "first"),
    Column("last", "last"),
    Column("reason", "left out"),
    Column("detail"),
)


@dataclass(frozen=True)
class TickerStatus:
    """State of a ticker in the store.

    Attributes:
        ticker: The symbol.
        first: First session with a bar; None where there is none.
        last: Last session with a bar.
        bars: Number of bars.
        gaps: Sessions of its exchange in between that have none; None where its calendar begins later, or
            is unknown.
        closures: Days in between on which its exchange was closed against the installed calendar.
        revisions: Number of revisions of stored bars.
        report: Next earnings report after the last bar, in a few words; None where none is known.
        report_origin: Where its date is from, and why dates could not be read.
        quarantined: Session and reason of the newest quarantine, if it lies on or after the last bar.
        detail: That reason in a sentence.
    """

    ticker: str
    first: date | None
    last: date | None
    bars: int
    gaps: tuple[date, ...] | None
    closures: tuple[date, ...]
    revisions: int
    report: str | None
    report_origin: str | None
    quarantined: str | None
    detail: str | None


@dataclass(frozen=True)
class StoredPrices:
    """Last bars and actions of one ticker, and every revision."""

    history: PriceHistory
    revisions: pd.DataFrame


def load_status_sheet(
    store: Store, tickers: Sequence[str], calendars: Calendars, *, now: datetime, known_ahead: int | None
) -> Sheet:
    """Load the table of tickers as known at an instant (UTC), with notes on them below.

    A hint stands there if the store holds prices of other sources only.
    """
    with store.reading() as tx:
        statuses = load_price_status(tx, tickers, calendars, now=now, known_ahead=known_ahead)
        hint = other_source_hint("prices", tx.prices.list_sources(), store.source)
    quarantines = (f"Quarantined {status.detail}" for status in statuses if status.detail)
    unknown = (
        f"{status.ticker}: gaps are unknown, because no calendar covers its history from {status.first} on."
        for status in statuses
        if status.gaps is None
    )
    notes = filter(None, (hint, *unknown, *quarantines))
    return Sheet("Price store", _STATUS_COLUMNS, tuple(map(astuple, statuses)), tuple(notes))


def load_price_status(
    tx: Transaction, tickers: Sequence[str], calendars: Calendars, *, now: datetime, known_ahead: int | None
) -> list[TickerStatus]:
    """Load the state of some tickers as known at `now`; without any, of all with bars or a quarantine.

    Where some have been forecast, tickers that never were are those of the training universe, and left out.
    """
    holdings = {holding.ticker: holding for holding in tx.prices.list_holdings()}
    quarantines = {quarantine.ticker: quarantine for quarantine in tx.quarantines.list_newest()}
    sessions = {ticker: [holding.last] for ticker, holding in holdings.items()}
    reports = load_reports(tx, sessions, now, known_ahead=known_ahead, calendars=calendars)
    dates, checks = tx.earnings.load(sessions, now), tx.earnings.load_checks()
    forecast = set(tx.forecasts.load_first_sessions()) & holdings.keys()
    return [
        _describe(
            ticker,
            holdings.get(ticker),
            tx.prices.load(ticker).bars,
            quarantine=quarantines.get(ticker),
            calendar=calendars.find(ticker),
            coming=next((each for each in reports.get(ticker, ()) if each.status != "reported"), None),
            dates=dates.get(ticker, ()),
            check=checks.get(ticker),
        )
        for ticker in tickers or sorted({*(forecast or holdings), *quarantines})
    ]


def load_prices(store: Store, ticker: str, sessions: int) -> StoredPrices:
    """Load the last sessions of a ticker.

    Raises:
        UsageError: The store has none.
    """
    with store.reading() as tx:
        history = tx.prices.load(ticker)
        revisions = tx.prices.load_revisions(ticker)
        sources = tx.prices.list_sources()
    if history.bars.empty:
        others = "" if store.source in sources else ", ".join(sources)
        advice = f"choose one of {others} with --source" if others else "run `bandcast ingest`"
        raise UsageError(f"Expected stored {store.source} prices of {ticker}, found none; {advice}.")
    bars = history.bars.iloc[-sessions:]
    actions = history.actions.loc[bars.index[0] :]
    return StoredPrices(PriceHistory(history.ticker, bars, actions, history.facts), revisions)


def build_prices_sheet(stored: StoredPrices) -> Sheet:
    """Build the table of bars as traded with their actions, and the revisions below."""
    history = stored.history
    frame = history.bars.join(history.actions)
    frame.insert(0, "session", frame.index.date.astype(str))
    numbers = (
        Column(name, name, "right", _NUMBER_FORMATS.get(name, format_price)) for name in frame.columns[1:]
    )
    facts = [str(value) for value in astuple(history.facts) if value]
    revisions = [
        f"{row.session}: close was {format_price(row.close)} until {row.replaced_at:%Y-%m-%d}, {row.reason}"
        for row in stored.revisions.itertuples()
    ]
    return sheet_from_frame(
        frame,
        (Column("session", "session"), *numbers),
        title=" ".join([history.ticker, "as traded", *facts]),
        notes=revisions,
    )


def prices_to_plain(stored: StoredPrices) -> dict[str, Any]:
    """Convert bars, actions and revisions to plain values."""
    return {
        "ticker": stored.history.ticker,
        **asdict(stored.history.facts),
        "sessions": to_records(build_prices_sheet(stored), STORED_DIGITS),
        "revisions": stored.revisions.astype(str).to_dict("records"),
    }


def describe_forgotten(ticker: str, sessions: Sequence[date], *, dry_run: bool) -> str:
    """Describe the bars that were moved to the revisions or, in a dry run, would be."""
    verb = "Would move" if dry_run else "Moved"
    bars = format_count(len(sessions), "bar")
    return f"{verb} {bars} of {ticker} to the revisions: {format_sessions(sessions)}."


def format_sessions(sessions: Sequence[date]) -> str:
    """Format the newest three sessions, and how many more there are."""
    return name_some(sessions, 3, last=True)


def _describe(
    ticker: str,
    holding: Holding | None,
    bars: pd.DataFrame,
    *,
    quarantine: QuarantineRecord | None,
    calendar: Calendar | None,
    coming: DatedReport | None,
    dates: Sequence[Report],
    check: ReportCheck | None,
) -> TickerStatus:
    current = quarantine if quarantine and (holding is None or quarantine.as_of >= holding.last) else None
    return TickerStatus(
        ticker=ticker,
        first=holding.first if holding else None,
        last=holding.last if holding else None,
        bars=holding.bars if holding else 0,
        gaps=_find_gaps(bars, calendar),
        closures=_list_closures(bars, calendar),
        revisions=holding.revisions if holding else 0,
        report=describe_report(coming) if coming else None,
        report_origin=describe_origin(coming, dates, holding.last, check=check) if holding else None,
        quarantined=f"{current.as_of} {current.reason}" if current else None,
        detail=current.detail if current else None,
    )


def _find_gaps(bars: pd.DataFrame, calendar: Calendar | None) -> tuple[date, ...] | None:
    if bars.empty:
        return ()
    if calendar is None or bars.index[0].date() < first_day(calendar):
        return None
    with suppress(CalendarError):
        return find_gaps(bars, calendar, bars.index[-1].date())
    return None


def _list_closures(bars: pd.DataFrame, calendar: Calendar | None) -> tuple[date, ...]:
    if bars.empty or calendar is None:
        return ()
    first, last = bars.index[0].date(), bars.index[-1].date()
    return tuple(day for day in sorted(calendar.closures) if first <= day <= last)


def build_files_sheet(checks: Sequence[FileCheck]) -> Sheet:
    """Build the sheet of a checked folder: a row for each file, and the details below."""
    notable = [check for check in checks if check.detail]
    details = [f"{check.file} ({check.reason or 'taken'}): {check.detail}" for check in notable]
    usable = sum(not check.reason for check in checks)
    summary = f"{usable} of {format_count(len(checks), 'file')} would be taken; nothing was written."
    rows = tuple(astuple(check) for check in checks)
    return Sheet("Price files", _FILE_COLUMNS, rows, (*details, summary))
