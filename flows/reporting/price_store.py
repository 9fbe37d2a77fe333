"""What `bandcast prices` shows: the state of the price store, and one ticker's prices in it."""

import json
from dataclasses import asdict, dataclass
from datetime import date

import pandas as pd
from rich.console import Console
from rich.table import Table

from db.engine import reading
from db.records import Quarantine
from db.repositories.forecasts import ForecastRepository
from db.repositories.prices import Holding, PriceRepository
from flows.context import store
from flows.settings import Settings, load_settings
from forecasting.calendars.sessions import calendar_name
from forecasting.errors import CalendarError, UnknownExchangeError, UsageError
from forecasting.prices.history import PriceHistory
from forecasting.prices.validation import missing_sessions, sessions_text


@dataclass(frozen=True)
class TickerStatus:
    """How a ticker stands in the store.

    Attributes:
        ticker: The symbol.
        first: First session with a bar; None where there is none.
        last: Last session with a bar.
        bars: How many there are.
        gaps: Sessions of its exchange in between that have none.
        revisions: How often a stored bar was corrected.
        quarantined: Session and reason of the newest quarantine, if it lies after the last bar or on it.
        detail: That reason in a sentence.
    """

    ticker: str
    first: date | None
    last: date | None
    bars: int
    gaps: tuple[date, ...]
    revisions: int
    quarantined: str | None
    detail: str | None


def price_sources(settings: Settings) -> list[str]:
    """Every source that the store holds prices of, sorted."""
    with reading(store(settings.url)) as connection:
        return PriceRepository(connection, settings.source).sources()


def price_status(settings: Settings) -> list[TickerStatus]:
    """Every ticker of the source that has bars or a quarantine, or the ones that were asked for."""
    with reading(store(settings.url)) as connection:
        prices = PriceRepository(connection, settings.source)
        forecasts = ForecastRepository(connection)
        held = {one.ticker: one for one in prices.holdings()}
        blamed = {one.ticker: one for one in forecasts.newest_quarantines(settings.source)}
        shown = settings.tickers or sorted({*held, *blamed})
        bars = {ticker: prices.load(ticker).bars for ticker in shown}
    return [_status(ticker, held.get(ticker), bars[ticker], blamed.get(ticker)) for ticker in shown]


def _status(ticker: str, held: Holding | None, bars: pd.DataFrame, blamed: Quarantine | None) -> TickerStatus:
    counted = asdict(held) if held else {"first": None, "last": None, "bars": 0, "revisions": 0}
    current = blamed if blamed and (held is None or blamed.as_of >= held.last) else None
    return TickerStatus(
        **{**counted, "ticker": ticker},
        gaps=_gaps(ticker, bars),
        quarantined=f"{current.as_of} {current.reason}" if current else None,
        detail=current.detail if current else None,
    )


def _gaps(ticker: str, bars: pd.DataFrame) -> tuple[date, ...]:
    if bars.empty:
        return ()
    try:
        return missing_sessions(bars, calendar_name(ticker), bars.index[-1].date())
    except (CalendarError, UnknownExchangeError):
        return ()  # prices of a file, older than the calendar or of no exchange


def print_status(statuses: list[TickerStatus], hint: str) -> None:
    """A table on standard output, with a hint and the sentence of each quarantine below."""
    console = Console(width=110, soft_wrap=True, highlight=False)
    table = Table(title="Price store", title_justify="left")
    for name in ("ticker", "first", "last", "bars", "gaps", "revisions", "quarantined"):
        table.add_column(name, justify="right" if name in ("bars", "revisions") else "left")
    for one in statuses:
        gaps = sessions_text(one.gaps) or "none"
        days = (str(one.first or ""), str(one.last or ""))
        table.add_row(one.ticker, *days, str(one.bars), gaps, str(one.revisions), one.quarantined or "")
    console.print(table)
    if hint:
        console.print(hint, markup=False)
    for one in statuses:
        if one.detail:
            console.print(f"Quarantined {one.detail}", markup=False)


def status_json(statuses: list[TickerStatus]) -> str:
    """The statuses as a JSON array."""
    return json.dumps([asdict(one) for one in statuses], indent=2, default=str)


@dataclass(frozen=True)
class StoredPrices:
    """One ticker in the store: its last bars and actions, and every correction."""

    history: PriceHistory
    revisions: pd.DataFrame


def stored_prices(ticker: str, source: str | None, sessions: int) -> StoredPrices:
    """The last sessions of a ticker.

    Raises:
        UsageError: The store has none.
    """
    settings = load_settings(source=source, tickers=ticker)
    with reading(store(settings.url)) as connection:
        prices = PriceRepository(connection, settings.source)
        history = prices.load(settings.tickers[0])
        revisions = prices.revisions(settings.tickers[0])
    if history.bars.empty:
        raise UsageError(
            f"Expected stored {settings.source} prices of {ticker}, found none; run `bandcast ingest`."
        )
    bars = history.bars.iloc[-sessions:]
    actions = history.actions.loc[bars.index[0] :]
    return StoredPrices(PriceHistory(history.ticker, bars, actions, history.facts), revisions)


def print_prices(stored: StoredPrices) -> None:
    """Bars as traded with their actions, then the corrections, on standard output."""
    history, console = stored.history, Console(width=110)
    told = [value for value in asdict(history.facts).values() if value]
    table = Table(title=" ".join([history.ticker, "as traded", *told]), title_justify="left")
    frame = _with_actions(history)
    for name in ("session", *frame.columns):
        table.add_column(name, justify="left" if name == "session" else "right")
    for session, row in frame.iterrows():
        table.add_row(str(session), *(f"{value:,.6g}" if pd.notna(value) else "" for value in row))
    console.print(table)
    for row in stored.revisions.itertuples():
        console.print(
            f"{row.session}: close was {row.close:g} until {row.replaced_at:%Y-%m-%d}, {row.reason}"
        )


def prices_json(stored: StoredPrices) -> str:
    """Bars, actions and corrections as one JSON object."""
    history = stored.history
    rows = _with_actions(history).reset_index().to_json(orient="records")
    revisions = stored.revisions.astype(str).to_dict("records")
    told = {"ticker": history.ticker, **asdict(history.facts)}
    return json.dumps({**told, "sessions": json.loads(rows), "revisions": revisions}, indent=2)


def _with_actions(history: PriceHistory) -> pd.DataFrame:
    frame = history.bars.join(history.actions)
    return frame.set_axis(pd.Index(frame.index.date.astype(str), name="session"))
