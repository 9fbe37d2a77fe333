"""Sessions without a bar: a closure of the exchange, or the gap of one ticker, from the vendor's HTTP on."""

import json
from datetime import date, timedelta

import numpy as np
import pytest
from flow_runs import complete, fail
from reading_store import rows
from typer.testing import CliRunner
from workplace import open_configured_store
from yahoo_imitation import Listing, Yahoo

from flows.cli import app
from flows.daily import daily
from flows.ingest import ingest
from flows.steps.replay import replay_run
from flows.summary import RunSummary
from forecasting.calendars.sessions import sessions_between
from forecasting.errors import SourceError

pytestmark = pytest.mark.usefixtures("prefect_url")

TICKERS = ["AAPL", "IBM", "MSFT"]
CLOSED = date(2025, 1, 15)
LAST = date(2025, 2, 20)


@pytest.fixture(autouse=True)
def three_listings(yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three tickers of one exchange that nobody traded on the 15th."""
    monkeypatch.setenv("BANDCAST_HISTORY_DAYS", "700")
    sessions = sessions_between("XNYS", LAST - timedelta(days=750), LAST)
    for seed, ticker in enumerate(TICKERS):
        steps = np.random.default_rng(seed).normal(0, 0.01, len(sessions))
        closes = dict(zip(sessions, (100 * np.exp(np.cumsum(steps))).round(2).tolist(), strict=True))
        yahoo.listings[ticker] = Listing({day: close for day, close in closes.items() if day != CLOSED})


def run(day: date) -> RunSummary:
    return complete(ingest, tickers=TICKERS, as_of=day)


def quarantined(summary: RunSummary) -> dict[str, str]:
    return {ticker: error.reason for ticker, error in summary.quarantined.items()}


def test_a_closure_that_all_tickers_agree_on_is_learned_told_and_listed() -> None:
    assert run(date(2025, 1, 14)).notes == ()
    assert "found 0" in str(fail(ingest, tickers=TICKERS, as_of=CLOSED))
    summary = run(date(2025, 1, 16))
    assert (summary.tickers, quarantined(summary)) == (tuple(TICKERS), {})
    (note,) = summary.notes
    assert "XNYS counts as closed on 2025-01-15" in note
    assert run(LAST).tickers == tuple(TICKERS)
    assert rows("SELECT calendar, session, kind, origin, withdrawn_at FROM calendar_changes") == [
        ("XNYS", "2025-01-15", "closure", "found", None)
    ]
    done = CliRunner().invoke(app, ["prices", "status", "--json"])
    for status in json.loads(done.stdout):
        assert (status["gaps"], status["closures"]) == ([], ["2025-01-15"])


def test_a_closure_is_undone_by_the_first_bar_of_its_day(yahoo: Yahoo) -> None:
    run(date(2025, 1, 16))
    yahoo.listings["IBM"].closes[CLOSED] = 100.0
    yahoo.listings["IBM"].closes = dict(sorted(yahoo.listings["IBM"].closes.items()))
    summary = run(date(2025, 1, 17))
    assert rows(f"SELECT count(*) FROM price_bars WHERE session = '{CLOSED}'") == [(1,)]
    assert rows("SELECT count(*) FROM calendar_changes WHERE withdrawn_at IS NULL") == [(0,)]
    assert summary.notes == ()


def test_the_gap_of_one_ticker_is_believed_after_three_bars_and_told(yahoo: Yahoo) -> None:
    for ticker in ("IBM", "MSFT"):
        listing = yahoo.listings[ticker]
        listing.closes = dict(sorted({**listing.closes, CLOSED: 100.0}.items()))
    days = sessions_between("XNYS", date(2025, 1, 16), date(2025, 1, 22))
    found = [quarantined(run(day)) for day in days]
    assert found == [{"AAPL": "gap"}, {"AAPL": "gap"}, {}, {}]
    (note,) = run(days[-1]).notes
    assert "AAPL: no bar of 2025-01-15" in note
    assert rows("SELECT count(*) FROM calendar_changes") == [(0,)]


def test_bands_and_their_replay_follow_the_closures_known_at_issue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = complete(daily, tickers=TICKERS, as_of=date(2025, 1, 14), horizon=2, retrain="never")
    monkeypatch.setenv("BANDCAST_CLOSURES", "XNYS:2025-01-17")
    after = complete(daily, tickers=TICKERS, as_of=date(2025, 1, 16), horizon=2, retrain="never")
    assert any("closed on 2025-01-15" in note for note in after.notes)
    targets = "SELECT DISTINCT as_of, target_session FROM forecasts ORDER BY as_of, target_session"
    assert rows(targets) == [
        ("2025-01-14", "2025-01-15"),
        ("2025-01-14", "2025-01-16"),
        ("2025-01-16", "2025-01-21"),
        ("2025-01-16", "2025-01-22"),
    ]
    monkeypatch.delenv("BANDCAST_CLOSURES")
    run(date(2025, 1, 17))
    with open_configured_store() as store:
        for summary in (before, after):
            assert replay_run(store, str(summary.run_id)).equal


def test_a_ticker_alone_cannot_close_an_exchange() -> None:
    error = fail(ingest, tickers=["IBM"], as_of=date(2025, 1, 16))
    assert isinstance(error, SourceError)
    assert rows("SELECT ticker, reason FROM quarantines") == [("IBM", "gap")]
    assert rows("SELECT count(*) FROM calendar_changes") == [(0,)]
