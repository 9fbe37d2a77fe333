"""Answers and files that nobody foresaw: the ticker is quarantined, and the healthy ones go on as without it.

The real yfinance client on loopback, folders of files, and stored rows that somebody has damaged.
"""

import errno
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flow_runs import complete, run_state
from price_files import write_prices
from reading_store import connection, rows
from vendor_simulator import make_history
from yahoo_imitation import Listing, Yahoo

from flows.daily import daily
from flows.forecast import forecast
from flows.ingest import ingest
from flows.sources import CsvSource
from flows.summary import RunSummary
from forecasting.prices.history import PriceHistory

pytestmark = pytest.mark.usefixtures("prefect_url")

LAST = date(2024, 6, 7)
HEALTHY = ("AAPL", "MSFT")
Bands = list[Any]


def make_listing(seed: int, factor: float = 1.0) -> Listing:
    history = make_history("ACME", LAST, seed, sessions=480)
    closes = {day.date(): factor * float(close) for day, close in history.bars["close"].items()}
    return Listing(dict(closes), opens=dict(closes))


class Unprintable:
    """A value that the server cannot write: its handler raises in the middle of an answer."""


def spoil_events(listing: Listing, events: object) -> Listing:
    spoilt = SpoiltListing(**vars(listing))
    spoilt.spoilt = events
    return spoilt


class SpoiltListing(Listing):
    """A listing whose events have another shape than Yahoo's."""

    spoilt: object = None

    def result(self, period: tuple[int, int]) -> dict[str, Any]:
        return super().result(period) | {"events": self.spoilt}


def with_meta(listing: Listing, **changes: object) -> Listing:
    return replace(listing, meta_changes=changes)


ANSWERS: dict[str, tuple[Callable[[Listing], Listing], str]] = {
    "ZONE": (lambda listing: with_meta(listing, exchangeTimezoneName="Mars/\x1b[31mOlympus\n"), "unexpected"),
    "SPLIT": (lambda listing: replace(listing, splits={date(2024, 3, 1): 1e12}), "bad_bars"),
    "TINY": (lambda listing: replace(listing, splits={date(2024, 3, 1): 1e-12}), "bad_bars"),
    "HUGE": (lambda _: make_listing(7, 1e12), "bad_bars"),
    "INF": (lambda listing: replace(listing, volumes={date(2024, 3, 1): 1e300}), "bad_bars"),
    "DIV": (lambda listing: replace(listing, dividends={date(2024, 3, 1): 1e300}), "bad_bars"),
    "RAISES": (lambda listing: with_meta(listing, priceHint=Unprintable()), "vendor_error"),
    "EVENTS": (lambda listing: spoil_events(listing, {"splits": {"1": {"date": 1}}}), "vendor_error"),
}


def load_bands() -> Bands:
    columns = "ticker, horizon, lower, median, upper, quality"
    healthy = ", ".join(f"'{ticker}'" for ticker in HEALTHY)
    return rows(f"SELECT {columns} FROM forecasts WHERE ticker IN ({healthy}) ORDER BY ticker, horizon")


def test_whatever_the_vendor_answers_for_one_ticker_ends_no_run_of_the_others(
    yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_HISTORY_DAYS", "700")
    monkeypatch.setenv("BANDCAST_MIN_SUCCESS_RATIO", "0.1")
    for seed, ticker in enumerate(HEALTHY):
        yahoo.listings[ticker] = make_listing(seed)
    complete(daily, tickers=[*HEALTHY], as_of=LAST, horizon=5)
    alone = load_bands()
    with connection() as opened:
        for table in ("forecasts", "forecast_runs", "gate_decisions", "model_versions"):
            opened.execute(sa.text(f"DELETE FROM {table}"))
    for ticker, (spoil, _) in ANSWERS.items():
        yahoo.listings[ticker] = spoil(make_listing(5))
    summary = complete(daily, tickers=[*ANSWERS, *HEALTHY], as_of=LAST, horizon=5)
    reasons = {ticker: reason for ticker, (_, reason) in ANSWERS.items()}
    assert {ticker: error.reason for ticker, error in summary.quarantined.items()} == reasons
    assert dict(rows("SELECT ticker, reason FROM quarantines")) == reasons
    ((detail,),) = rows("SELECT detail FROM quarantines WHERE ticker = 'ZONE'")
    assert "ZoneInfoNotFoundError" in detail
    assert "Olympus" in detail
    assert detail.isprintable()
    assert load_bands() == alone


def write_columns(folder: Path, ticker: str, header: str) -> None:
    """A file with other columns, its numbers sound."""
    path = folder / f"{ticker}.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([header, *lines[1:]]))


@pytest.fixture
def folder(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of two healthy tickers."""
    monkeypatch.setenv("BANDCAST_SOURCE", "csv")
    monkeypatch.setenv("BANDCAST_CSV_DIR", str(workplace / "prices"))
    monkeypatch.setenv("BANDCAST_MIN_SUCCESS_RATIO", "0.1")
    for seed, ticker in enumerate(HEALTHY):
        write_prices(workplace / "prices", make_history(ticker, LAST, seed, sessions=480))
    return workplace / "prices"


def multiply(history: PriceHistory, factor: float) -> PriceHistory:
    prices = history.bars[["open", "high", "low", "close"]] * factor
    return replace(history, bars=history.bars.assign(**prices))


@pytest.mark.long
def test_whatever_a_file_holds_ends_no_run_of_the_others(folder: Path) -> None:
    for ticker, factor in (("HUGE", 1e12), ("VAST", 1e300), ("TINY", 1e-14), ("DOUBLE", 1.0), ("SPLIT", 1.0)):
        write_prices(folder, multiply(make_history(ticker, LAST, 5, sessions=480), factor))
    write_columns(folder, "DOUBLE", "date,open,high,Close,close,volume,dividends,splits")
    text = (folder / "SPLIT.csv").read_text()
    (folder / "SPLIT.csv").write_text(text.replace(",0.0,0.0\n", ",0.0,1e12\n", 1))
    summary = complete(daily, as_of=LAST, horizon=5)
    assert {ticker: error.reason for ticker, error in summary.quarantined.items()} == {
        "DOUBLE": "bad_bars",
        "HUGE": "bad_bars",
        "SPLIT": "bad_bars",
        "TINY": "bad_bars",
        "VAST": "bad_bars",
    }
    assert summary.tickers == HEALTHY


@pytest.mark.parametrize("damage", ["volume = 'much'", "session = '2023-13-99'"])
def test_a_damaged_row_in_the_store_is_its_tickers_fault(folder: Path, damage: str) -> None:
    write_prices(folder, make_history("ACME", LAST, 5, sessions=480))
    complete(ingest, as_of=LAST)
    with connection() as opened:
        day = "(SELECT max(session) FROM price_bars WHERE session < '2024-05-01')"
        opened.execute(sa.text(f"UPDATE price_bars SET {damage} WHERE ticker = 'ACME' AND session = {day}"))
    summary: RunSummary = complete(forecast, as_of=LAST, horizon=5, retrain="always")
    assert summary.tickers == HEALTHY
    assert {ticker: error.reason for ticker, error in summary.quarantined.items()} == {"ACME": "unexpected"}
    assert "ValueError" in str(summary.quarantined["ACME"])


@pytest.mark.parametrize(
    "error", [MemoryError("none left"), OSError(errno.ENOSPC, "No space left on device")]
)
def test_a_fault_of_the_machine_ends_the_run_and_is_no_tickers(
    error: Exception, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(_source: CsvSource, _ticker: str, _start: date | None, _end: date) -> PriceHistory:
        raise error

    monkeypatch.setattr(CsvSource, "fetch", fetch)
    state = run_state(ingest, as_of=LAST)
    assert state.is_failed()
    assert str(error.args[-1]) in str(state.result(raise_on_failure=False))
    assert rows("SELECT * FROM quarantines") == []


def test_a_fault_of_the_database_ends_the_run_and_is_no_tickers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = CsvSource.fetch

    def drop_first(source: CsvSource, ticker: str, start: date | None, end: date) -> PriceHistory:
        with connection() as opened:
            opened.execute(sa.text("DROP TABLE IF EXISTS price_revisions"))
            opened.execute(sa.text("ALTER TABLE price_bars RENAME TO lost"))
        return fetch(source, ticker, start, end)

    complete(ingest, as_of=LAST - timedelta(days=1))
    monkeypatch.setattr(CsvSource, "fetch", drop_first)
    assert run_state(ingest, as_of=LAST).is_failed()
    assert rows("SELECT * FROM quarantines") == []
