"""Stored forecast bands: loaded, as a sheet, and as the data of fan charts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd

from db import Store, Transaction
from flows.presentation.report_dates import describe_report, load_reports, select_reports
from flows.presentation.tables import Column, Sheet, sheet_from_frame
from flows.settings import Settings
from forecasting.config import MAIN_HORIZONS
from forecasting.errors import UsageError
from forecasting.features.report_days import DatedReport
from forecasting.prices.adjustment import adjust
from forecasting.text import format_price

_COLUMNS = (
    Column("ticker", "ticker", once=True),
    Column("as_of", "as of", once=True),
    Column("target_session", "session"),
    Column("horizon", "h", "right"),
    Column("anchor_close", "close", "right", format_price),
    Column("lower", "lower", "right", format_price),
    Column("median", "median", "right", format_price),
    Column("upper", "upper", "right", format_price),
    Column("coverage", "band", "right", ".0%"),
)


@dataclass(frozen=True)
class FanData:
    """Contents of fan charts.

    Attributes:
        bands: Rows of `forecast_quantiles` for one session of each ticker.
        closes: Closes of each ticker by session, in the price units of its bands.
        as_of: Newest session that the bands start from.
        reports: Earnings reports of each ticker, as its bands expect them, and those before.
    """

    bands: pd.DataFrame
    closes: dict[str, pd.Series]
    as_of: date
    reports: Mapping[str, tuple[DatedReport, ...]] = field(default_factory=dict)


def load_expected_reports(
    store: Store, bands: pd.DataFrame, known_ahead: int | None
) -> dict[str, tuple[DatedReport, ...]]:
    """Load the reports that fall between the session and the last target of each ticker's bands.

    The bands are in columns of `latest_forecast`, of any horizons; `known_ahead` is as of `load_reports`.
    """
    with store.reading() as tx:
        sessions = _load_sessions(tx, bands)
        reports = load_reports(tx, sessions, _newest_issue(bands), known_ahead=known_ahead)
    selected = {
        ticker: select_reports(listed, sessions[ticker][0] + timedelta(days=1), sessions[ticker][-1])
        for ticker, listed in reports.items()
    }
    return {ticker: listed for ticker, listed in selected.items() if listed}


def load_bands(
    store: Store,
    tickers: Sequence[str] = (),
    until: date | None = None,
    *,
    horizons: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Load the newest bands of some tickers (none: of all) up to a session, in columns of `latest_forecast`.

    Without `until` they may start from any session, without `horizons` they are of all.

    Raises:
        UsageError: The store holds none.
    """
    with store.reading() as tx:
        bands = tx.forecasts.load_latest(tickers or None, until, horizons=horizons)
        if bands.empty:
            raise _nothing_stored(store, tx, tickers, until=until)
    # Whole numbers beside missing ones, of which pandas makes decimals.
    reports = bands["reports_ahead"].astype("Int64").astype(object)
    return bands.assign(reports_ahead=reports.where(reports.notna(), None))


def select_charted(bands: pd.DataFrame, watched: Sequence[str], number: int) -> tuple[str, ...]:
    """Select the tickers to draw: all if they are few, else the watched ones, then the widest bands.

    Args:
        bands: In columns of `latest_forecast`.
        watched: Tickers that go first; those without bands do not count.
        number: Of tickers, at most.
    """
    farthest = bands.sort_values("horizon").groupby("ticker", observed=True).last()
    width = (farthest["upper"] / farthest["lower"]).sort_values(ascending=False, kind="stable")
    chosen = [*(ticker for ticker in watched if ticker in width.index), *width.index]
    return tuple(sorted(dict.fromkeys(chosen[:number]) if len(width) > number else width.index))


def build_bands_sheet(bands: pd.DataFrame, reports: Mapping[str, Sequence[DatedReport]]) -> Sheet:
    """Build the table of bands; programs also get the columns that it does not show.

    Args:
        bands: In columns of `latest_forecast`.
        reports: Ticker -> earnings reports ahead, which stand below the table.
    """
    notes = [
        f"{ticker} reports {describe_report(report)}."
        for ticker, listed in reports.items()
        for report in listed
    ]
    return sheet_from_frame(bands, _COLUMNS, title="Forecast bands", notes=notes)


def load_fan_data(
    store: Store, tickers: Sequence[str], until: date | None, *, known_ahead: int | None
) -> FanData:
    """Load the newest bands of some tickers (none: of all) up to a session, and the closes before them.

    Without `until` they may start from any session; `known_ahead` is as of `load_reports`.

    Raises:
        UsageError: The store holds no forecast of them.
    """
    with store.reading() as tx:
        newest = tx.forecasts.list_newest(tickers or None, until)
        if not newest:
            raise _nothing_stored(store, tx, tickers, until=until)
        bands = pd.concat([tx.forecasts.load_quantiles(ticker, as_of) for ticker, as_of in newest])
        closes = {
            ticker: adjust(tx.prices.load(ticker, as_of), as_of, "split_adjusted")["close"]
            for ticker, as_of in newest
        }
        issued = tx.forecasts.load_latest(list(closes), until, horizons=[1])
        sessions = _load_sessions(tx, issued)
        reports = load_reports(tx, sessions, _newest_issue(issued), known_ahead=known_ahead)
    return FanData(bands, closes, max(as_of for _, as_of in newest), reports)


def format_query(source: str) -> str:
    """Format the SQL that reads the newest bands of a source at the main horizons, a line each clause."""
    return (
        "SELECT ticker, as_of, target_session, horizon,\n"
        "       anchor_close, lower, median, upper\n"
        "FROM latest_forecast\n"
        f"WHERE source = '{source}' AND horizon IN {MAIN_HORIZONS}\n"
        "ORDER BY ticker, horizon"
    )


def default_plot_path(settings: Settings, as_of: date) -> Path:
    """Return the path of the fan charts of a session."""
    return settings.home.absolute() / "plots" / f"fan-{as_of}.png"


def _load_sessions(tx: Transaction, bands: pd.DataFrame) -> dict[str, list[date]]:
    """Load each ticker -> the session of its bands and all their targets, in order of time."""
    sessions = {}
    for (as_of, edition), issued in bands.groupby(["as_of", "edition"]):
        tickers = list(issued["ticker"].unique())
        for ticker, targets in tx.forecasts.load_targets(tickers, as_of, int(edition)).items():
            sessions[ticker] = [as_of, *targets]
    return dict(sorted(sessions.items()))


def _newest_issue(bands: pd.DataFrame) -> datetime:
    issued: datetime = pd.to_datetime(bands["issued_at"], utc=True).max().to_pydatetime()
    return issued


def _nothing_stored(
    store: Store, tx: Transaction, tickers: Sequence[str], *, until: date | None
) -> UsageError:
    wanted = ", ".join(tickers) or "any ticker"
    limit = f" up to {until}" if until else ""
    return UsageError(
        f"Expected a stored {tx.source} forecast of {wanted}{limit}, found none in {store.display_url}; "
        f"{_advise(tx, tickers)}."
    )


def _advise(tx: Transaction, tickers: Sequence[str]) -> str:
    """Return advice where bands are not stored: a later session, other tickers or another source."""
    first_sessions = tx.forecasts.load_first_sessions()
    if days := [day for ticker, day in first_sessions.items() if ticker in tickers or not tickers]:
        return f"the first session with bands is {min(days)}, so name that or a later one"
    others = ", ".join(source for source in tx.forecasts.list_sources() if source != tx.source)
    if others:
        return f"choose one of {others} with --source"
    named = f" --tickers {','.join(tickers)}" if tickers and first_sessions else ""
    return f"run `bandcast run{named}` first"
