"""Prices as `bandcast prices` shows them: the state of each ticker, the prices of one, a folder of files."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import date
from typing import Any

import pandas as pd

from db import Holding, QuarantineRecord, Store
from flows.doctor.price_files import FileCheck
from flows.reporting.scorecards import other_source_hint
from flows.reporting.tables import STORED_DIGITS, Column, Format, Sheet, sheet_from_frame, to_records
from forecasting.calendars.exchanges import calendar_name
from forecasting.errors import CalendarError, UnknownExchangeError, UsageError
from forecasting.prices.history import PriceHistory
from forecasting.prices.validation import find_gaps
from forecasting.text import format_plain, format_price

_STATUS_COLUMNS = (
    Column("ticker", "ticker"),
    Column("first", "first"),
    Column("last", "last"),
    Column("bars", "bars", "right"),
    Column("gaps", "gaps", format=lambda gaps: format_sessions(gaps) or "none"),
    Column("revisions", "revisions", "right"),
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
class StoredPrices:
    """Last bars and actions of one ticker, and every correction."""

    history: PriceHistory
    revisions: pd.DataFrame


def load_status_sheet(store: Store, tickers: Sequence[str]) -> Sheet:
    """Load the state of some tickers or, without any, of all with bars or a quarantine.

    `gaps` are the sessions of the exchange between the first and the last bar that have none, `revisions`
    the corrections of stored bars. A quarantine is shown if it lies on or after the last bar, its sentence
    below the table; a hint stands there if the store holds prices of other sources only.
    """
    with store.reading() as tx:
        holdings = {holding.ticker: holding for holding in tx.prices.holdings()}
        quarantines = {quarantine.ticker: quarantine for quarantine in tx.quarantines.newest()}
        rows = tuple(
            _build_status(
                ticker, holdings.get(ticker), tx.prices.load(ticker).bars, quarantine=quarantines.get(ticker)
            )
            for ticker in tickers or sorted({*holdings, *quarantines})
        )
        hint = other_source_hint("prices", tx.prices.sources(), store.source)
    details = (f"Quarantined {row[-1]}" for row in rows if row[-1])
    return Sheet("Price store", _STATUS_COLUMNS, rows, tuple(filter(None, (hint, *details))))


def load_prices(store: Store, ticker: str, sessions: int) -> StoredPrices:
    """Load the last sessions of a ticker.

    Raises:
        UsageError: The store has none.
    """
    with store.reading() as tx:
        history = tx.prices.load(ticker)
        revisions = tx.prices.revisions(ticker)
    if history.bars.empty:
        raise UsageError(
            f"Expected stored {store.source} prices of {ticker}, found none; run `bandcast ingest`."
        )
    bars = history.bars.iloc[-sessions:]
    actions = history.actions.loc[bars.index[0] :]
    return StoredPrices(PriceHistory(history.ticker, bars, actions, history.facts), revisions)


def build_prices_sheet(stored: StoredPrices) -> Sheet:
    """Build the table of bars as traded with their actions, and the corrections below."""
    history = stored.history
    frame = history.bars.join(history.actions)
    frame.insert(0, "session", frame.index.date.astype(str))
    numbers = (
        Column(name, name, "right", _NUMBER_FORMATS.get(name, format_price)) for name in frame.columns[1:]
    )
    facts = [value for value in astuple(history.facts) if value]
    corrections = [
        f"{row.session}: close was {format_price(row.close)} until {row.replaced_at:%Y-%m-%d}, {row.reason}"
        for row in stored.revisions.itertuples()
    ]
    return sheet_from_frame(
        frame,
        (Column("session", "session"), *numbers),
        title=" ".join([history.ticker, "as traded", *facts]),
        notes=corrections,
    )


def prices_to_plain(stored: StoredPrices) -> dict[str, Any]:
    """Convert bars, actions and corrections to plain values."""
    return {
        "ticker": stored.history.ticker,
        **asdict(stored.history.facts),
        "sessions": to_records(build_prices_sheet(stored), STORED_DIGITS),
        "revisions": stored.revisions.astype(str).to_dict("records"),
    }


def format_sessions(sessions: Sequence[date], shown: int = 3) -> str:
    """Format the newest few sessions, and how many more there are."""
    more = f" and {len(sessions) - shown} more" if len(sessions) > shown else ""
    return ", ".join(map(str, sessions[-shown:])) + more


def _build_status(
    ticker: str, holding: Holding | None, bars: pd.DataFrame, *, quarantine: QuarantineRecord | None
) -> tuple[Any, ...]:
    gaps = _find_gaps(ticker, bars)
    row = (
        (ticker, holding.first, holding.last, holding.bars, gaps, holding.revisions)
        if holding
        else (ticker, None, None, 0, gaps, 0)
    )
    if quarantine is None or (holding and quarantine.as_of < holding.last):
        return (*row, None, None)
    return (*row, f"{quarantine.as_of} {quarantine.reason}", quarantine.detail)


def _find_gaps(ticker: str, bars: pd.DataFrame) -> tuple[date, ...]:
    if bars.empty:
        return ()
    try:
        return find_gaps(bars, calendar_name(ticker), bars.index[-1].date())
    except (CalendarError, UnknownExchangeError):
        return ()  # prices of a file, older than the calendar or of no exchange


def build_files_sheet(checks: Sequence[FileCheck]) -> Sheet:
    """Build the sheet of a checked folder: a row for each file, and the details below."""
    notable = [check for check in checks if check.detail]
    details = [f"{check.file} ({check.reason or 'taken'}): {check.detail}" for check in notable]
    taken = sum(not check.reason for check in checks)
    summary = f"{taken} of {len(checks)} files would be taken; nothing was written."
    rows = tuple(astuple(check) for check in checks)
    return Sheet("Price files", _FILE_COLUMNS, rows, (*details, summary))
