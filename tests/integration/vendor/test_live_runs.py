"""A live source, from the vendor's HTTP to the forecast table: the real yfinance client on loopback."""

import json
from datetime import date, timedelta

import numpy as np
import pytest
from flow_runs import complete, fail
from prefect import get_client
from reading_store import rows
from typer.testing import CliRunner
from yahoo_imitation import SERVER_ERROR, Listing, Yahoo

from flows.cli import app
from flows.daily import daily
from flows.ingest import ingest
from flows.summary import RunSummary
from forecasting.calendars.sessions import sessions_between
from forecasting.errors import SourceError

pytestmark = pytest.mark.usefixtures("prefect_url")

LAST = date(2024, 6, 7)


def closes(seed: int, calendar: str, last: date = LAST) -> dict[date, float | None]:
    sessions = sessions_between(calendar, last - timedelta(days=700), last)
    steps = np.random.default_rng(seed).normal(0, 0.01, len(sessions))
    return dict(zip(sessions, (100 * np.exp(np.cumsum(steps))).round(2).tolist(), strict=True))


@pytest.fixture(autouse=True)
def two_listings(yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_HISTORY_DAYS", "700")
    for seed, ticker in enumerate(("AAPL", "MSFT")):
        yahoo.listings[ticker] = Listing(closes(seed, "XNYS"))


def run(*tickers: str, as_of: date = LAST) -> RunSummary:
    return complete(daily, tickers=list(tickers), as_of=as_of)


def test_live_prices_become_bands_from_the_last_closed_session(yahoo: Yahoo) -> None:
    summary = run("AAPL", "MSFT")
    assert summary.tickers == ("AAPL", "MSFT")
    anchors = dict(rows("SELECT ticker, anchor_close FROM latest_forecast WHERE horizon = 1"))
    assert anchors == pytest.approx({ticker: yahoo.listings[ticker].closes[LAST] for ticker in anchors})


@pytest.mark.long
def test_each_exchange_has_its_own_last_session(yahoo: Yahoo) -> None:
    saturday = date(2024, 6, 8)
    yahoo.listings["BTC-USD"] = Listing(closes(3, "24/7", saturday), zone="UTC")
    summary = run("AAPL", "BTC-USD", as_of=saturday)
    assert summary.quarantined == {}
    assert rows("SELECT ticker, as_of, min(target_session) FROM latest_forecast GROUP BY ticker, as_of") == [
        ("AAPL", "2024-06-07", "2024-06-10"),
        ("BTC-USD", "2024-06-08", "2024-06-09"),
    ]


def test_a_vendor_fault_quarantines_one_ticker_after_its_retries(yahoo: Yahoo) -> None:
    run("AAPL", "MSFT", as_of=date(2024, 6, 6))
    yahoo.faults["MSFT"] = SERVER_ERROR
    before = len(yahoo.requests)
    summary = run("AAPL", "MSFT")
    assert summary.tickers == ("AAPL",)
    assert summary.quarantined["MSFT"].reason == "vendor_error"
    assert sum("/chart/MSFT" in path for path in yahoo.requests[before:]) >= 4


def test_a_split_between_two_runs_changes_no_stored_bar_and_no_issued_band(yahoo: Yahoo) -> None:
    run("AAPL", "MSFT", as_of=date(2024, 6, 6))
    bars = rows("SELECT session, close FROM price_bars WHERE ticker = 'AAPL' ORDER BY session")
    bands = rows("SELECT * FROM forecasts ORDER BY ticker, horizon")

    listing = yahoo.listings["AAPL"]
    listing.closes = {day: close and close / 4 for day, close in listing.closes.items()}
    listing.volumes = {day: 4000 for day in listing.closes if day < LAST}
    listing.splits = {LAST: 4.0}
    run("AAPL", "MSFT")
    assert rows("SELECT session, close FROM price_bars WHERE ticker = 'AAPL' ORDER BY session")[:-1] == bars
    assert rows("SELECT count(*) FROM price_revisions") == [(0,)]
    assert rows("SELECT * FROM forecasts WHERE as_of = '2024-06-06' ORDER BY ticker, horizon") == bands
    first = "ticker = 'AAPL' AND as_of = '2024-06-06' AND horizon = 1"
    ((anchor, actual),) = rows(f"SELECT anchor_close, actual_close FROM forecast_with_outcome WHERE {first}")
    assert actual == pytest.approx(anchor, rel=0.05)


@pytest.mark.long
def test_verify_runs_the_flow_for_the_tickers_that_have_bands() -> None:
    """No tickers are configured, and a live source cannot be listed."""
    run("AAPL", "MSFT", as_of=date(2024, 6, 6))
    complete(ingest, tickers=["AAPL", "MSFT"], as_of=LAST)
    done = CliRunner().invoke(app, ["verify", "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["source"], found["scored"], found["outcomes"]) == ("yahoo", 2, {"backfill": 2})
    assert rows("SELECT count(*) FROM verifications WHERE method = 'calibrated'") == [(2,)]


def test_ingest_fails_only_below_the_ratio_and_says_why(
    yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    yahoo.faults["MSFT"] = SERVER_ERROR
    summary = complete(ingest, tickers=["AAPL", "MSFT"], as_of=LAST)
    assert (summary.tickers, summary.quarantined["MSFT"].reason) == (("AAPL",), "vendor_error")
    monkeypatch.setenv("BANDCAST_MIN_SUCCESS_RATIO", "0.9")
    error = fail(ingest, tickers=["AAPL", "MSFT"], as_of=LAST)
    assert isinstance(error, SourceError)
    assert "at least 2 of 2 tickers, found 1" in str(error)
    assert rows("SELECT ticker, reason FROM quarantines") == [("MSFT", "vendor_error")]
    (artifact,) = artifacts("quarantined")
    assert "HTTP status 500" in artifact


def artifacts(key: str) -> list[str]:
    with get_client(sync_client=True) as client:
        newest = client.read_latest_artifacts()
    return [str(artifact.data) for artifact in newest if artifact.key == key]


@pytest.mark.long
def test_a_symbol_of_no_known_exchange_is_quarantined() -> None:
    summary = run("AAPL", "MSFT", "BRK.B")
    assert summary.quarantined["BRK.B"].reason == "unknown_exchange"
    assert "BRK-B" in str(summary.quarantined["BRK.B"])
