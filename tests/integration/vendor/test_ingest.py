"""One ticker from the real yfinance client to the store, day by day; no Prefect."""

import json
import threading
import time as clock
from datetime import date, time
from typing import Any

import pytest
from evenings import ingest_evening
from reading_store import rows
from typer.testing import CliRunner
from vendor_simulator import DATA_FAULTS, Stock, drop, make_history, with_actions
from yahoo_imitation import HANG, SERVER_ERROR, TOO_MANY, Yahoo

from flows.cli import app

MON, TUE, WED, THU, FRI = (date(2024, 6, day) for day in range(3, 8))


def run(day: date, *tickers: str, hour: int = 22) -> dict[str, str]:
    """One evening's ingest; ticker -> reason of what failed."""
    failed = ingest_evening(day, list(tickers), time(hour))
    return {ticker: error.reason for ticker, error in failed.items()}


def bars(ticker: str = "ACME") -> list[Any]:
    return rows(f"SELECT * FROM price_bars WHERE ticker = '{ticker}' ORDER BY session")


def publish(yahoo: Yahoo, stock: Stock, day: date, fault: str | None = None) -> None:
    listing = stock.listing(day)
    yahoo.listings[stock.truth.ticker] = DATA_FAULTS[fault](stock, listing) if fault else listing


@pytest.mark.parametrize(
    ("splits", "dividends"), [({WED: 4.0}, {}), ({}, {WED: 1.25}), ({WED: 4.0}, {MON: 0.24, WED: 0.06})]
)
def test_a_split_or_a_dividend_between_two_pulls_changes_no_stored_row(
    yahoo: Yahoo, splits: dict[date, float], dividends: dict[date, float]
) -> None:
    stock = Stock(with_actions(make_history("ACME", FRI, seed=1), splits, dividends))
    publish(yahoo, stock, TUE)
    assert run(TUE, "ACME") == {}
    before, actions = bars(), rows("SELECT * FROM corporate_actions")
    publish(yahoo, stock, WED)
    assert run(WED, "ACME") == {}
    assert bars()[:-1] == before
    assert set(actions) <= set(rows("SELECT * FROM corporate_actions"))
    assert rows("SELECT count(*) FROM price_revisions") == [(0,)]
    assert len(rows("SELECT * FROM corporate_actions")) == len(splits) + len(dividends)


REASONS = {
    "blank last close": "stale",
    "no last bar": "stale",
    "old bars gone": None,
    "old close blank": None,
    "last bar tenfold": "price_jump",
    "old bar hundredfold": "price_jump",
    "old bar doubled": "price_jump",
    "negative close": "non_positive_price",
    "high below low": "bad_range",
    "everything in pence": "scale_changed",
    "history rescaled": "scale_changed",
    "another currency": "instrument_changed",
    "another zone": "wrong_sessions",
    "another symbol": "vendor_error",
    "partial bar": None,
    "last row twice": None,
    "no events": None,
    "no volume": None,
    "volume unsettled": None,
}


@pytest.mark.parametrize(("fault", "reason"), REASONS.items())
def test_each_fault_has_its_reason_and_is_gone_the_next_day(
    yahoo: Yahoo, fault: str, reason: str | None
) -> None:
    stock = Stock(with_actions(make_history("ACME", FRI, seed=1), {MON: 2.0}, {TUE: 0.5}))
    publish(yahoo, stock, TUE)
    assert run(TUE, "ACME") == {}
    before = bars()
    publish(yahoo, stock, WED, fault)
    assert run(WED, "ACME") == ({"ACME": reason} if reason else {})
    assert bars()[: len(before)] == before
    assert rows("SELECT reason FROM quarantines") == ([(reason,)] if reason else [])
    publish(yahoo, stock, THU)
    assert run(THU, "ACME") == {}
    closes = [row.close for row in bars()]
    assert closes == pytest.approx(stock.truth.until(THU).bars["close"].tolist()[-len(closes) :], rel=2e-6)
    filled_later = 1 if fault == "no volume" else 0
    assert rows("SELECT count(*) FROM price_revisions") == [(filled_later,)]


def test_a_correction_leaves_a_revision_with_its_dates_and_reason(yahoo: Yahoo) -> None:
    stock = Stock(make_history("ACME", FRI, seed=1), slips={MON: (WED, 1.01)})
    for day in (TUE, WED):
        publish(yahoo, stock, day)
        assert run(day, "ACME") == {}
    ((session, close, first_seen, replaced, reason),) = rows(
        "SELECT session, close, first_seen_at, replaced_at, reason FROM price_revisions"
    )
    right = stock.truth.bars["close"].loc["2024-06-03"]
    assert (session, reason) == ("2024-06-03", "correction")
    assert close == pytest.approx(1.01 * right)
    assert first_seen < replaced
    assert [row.close for row in bars() if row.session == session] == pytest.approx([right])


def test_what_the_vendor_repeats_for_a_week_is_trusted(yahoo: Yahoo) -> None:
    days = [date(2024, 5, day) for day in (20, 21, 22, 23, 24, 28, 29)]
    stock = Stock(make_history("ACME", FRI, seed=1))
    publish(yahoo, stock, days[0])
    assert run(days[0], "ACME") == {}
    reasons = []
    for day in days[1:]:
        publish(yahoo, stock, day, "another currency")
        reasons.append(run(day, "ACME"))
    assert reasons == [{"ACME": "instrument_changed"}] * 5 + [{}]
    assert rows("SELECT currency FROM instruments") == [("EUR",)]


def test_instruments_of_many_markets_each_have_their_own_last_session(yahoo: Yahoo) -> None:
    tickers = ("BRK-B", "^GSPC", "7203.T", "BTC-USD", "EURUSD=X")
    for seed, ticker in enumerate(tickers):
        publish(yahoo, Stock(make_history(ticker, FRI, seed)), FRI)
    assert run(FRI, *tickers, hour=21) == {}
    last = dict(rows("SELECT ticker, max(session) FROM price_bars GROUP BY ticker"))
    friday, thursday = "2024-06-07", "2024-06-06"
    assert last == dict(zip(tickers, [friday, friday, friday, thursday, thursday], strict=True))
    calendars = [row[0] for row in rows("SELECT calendar FROM instruments ORDER BY ticker")]
    assert calendars == ["XTKS", "XNYS", "24/7", "24/5", "XNYS"]


def test_a_bar_is_final_only_after_the_lag(yahoo: Yahoo) -> None:
    publish(yahoo, Stock(make_history("ACME", FRI, seed=1)), FRI)
    assert run(FRI, "ACME", hour=20) == {}  # New York closes at 20:00 UTC
    assert bars()[-1].session == "2024-06-06"
    assert run(FRI, "ACME", hour=21) == {}
    assert bars()[-1].session == "2024-06-07"


def test_a_day_costs_one_request_a_ticker_and_a_retry_really_asks_again(yahoo: Yahoo) -> None:
    stock = Stock(make_history("ACME", FRI, seed=1))
    for day in (TUE, WED, THU):
        publish(yahoo, stock, day)
        yahoo.once["ACME"] = [SERVER_ERROR] * 4 if day == THU else []
        yahoo.requests.clear()
        assert run(day, "ACME") == {}
        first = 1 if day == TUE else 0  # the time zone, once in the life of yfinance's cache
        assert yahoo.charts("ACME") - {TUE: 1, WED: 1, THU: 5}[day] in (0, first)


def test_a_refusal_of_one_ticker_leaves_the_others_alone(yahoo: Yahoo) -> None:
    for seed, ticker in enumerate(("ACME", "IBM")):
        publish(yahoo, Stock(make_history(ticker, FRI, seed)), FRI)
    yahoo.faults["ACME"] = TOO_MANY
    assert run(FRI, "ACME", "IBM") == {"ACME": "rate_limited"}


def test_a_vendor_that_hangs_costs_no_more_than_the_run_was_given(
    yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_INGEST_MINUTES", "0.02")
    for seed, ticker in enumerate(("ACME", "IBM")):
        publish(yahoo, Stock(make_history(ticker, FRI, seed)), FRI)
        yahoo.faults[ticker] = HANG
    start = clock.monotonic()
    failed = run(FRI, "ACME", "IBM")
    assert clock.monotonic() - start < 5
    assert set(failed) == {"ACME", "IBM"}
    assert set(failed.values()) <= {"vendor_error", "gave_up"}
    yahoo.released.set()
    for thread in threading.enumerate():
        if thread.name.startswith("download-"):
            thread.join(15)


@pytest.fixture
def kept(yahoo: Yahoo) -> None:
    """A store with a correction, a gap and a quarantine."""
    stock = Stock(with_actions(make_history("ACME", FRI, seed=1), {MON: 2.0}, {}), slips={MON: (THU, 1.01)})
    publish(yahoo, stock, TUE)
    run(TUE, "ACME")
    yahoo.listings["ACME"] = drop(stock.listing(THU), [WED])
    run(THU, "ACME", "NOPE")


def shown(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["prices", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("kept")
def test_prices_status_shows_sessions_gaps_revisions_and_quarantine() -> None:
    acme, nope = json.loads(shown("status", "--json"))
    assert (acme["ticker"], acme["last"], acme["revisions"]) == ("ACME", "2024-06-06", 1)
    assert acme["gaps"] == ["2024-06-05"]
    assert acme["quarantined"] == "2024-06-06 gap"
    assert (nope["ticker"], nope["bars"], nope["quarantined"]) == ("NOPE", 0, "2024-06-06 unknown_ticker")
    table = shown("status")
    assert "NOPE: expected prices in Yahoo Finance" in table
    assert acme["gaps"][-1] in table
    assert [status["ticker"] for status in json.loads(shown("status", "--json", "--tickers", "acme"))] == [
        "ACME"
    ]


@pytest.mark.usefixtures("kept")
def test_prices_show_has_bars_actions_and_corrections() -> None:
    plain = json.loads(shown("show", "acme", "--json", "--sessions", "3"))
    assert [row["session"] for row in plain["sessions"]] == [f"2024-06-0{day}" for day in (3, 4, 6)]
    assert plain["sessions"][0]["split"] == 2.0
    assert plain["currency"] == "USD"
    assert [row["session"] for row in plain["revisions"]] == ["2024-06-03"]
    assert "2024-06-03: close was" in shown("show", "ACME")


def test_prices_show_of_what_is_not_stored_names_the_command_to_run(yahoo: Yahoo) -> None:
    done = CliRunner().invoke(app, ["prices", "show", "NOPE"])
    assert done.exit_code != 0
    assert "run `bandcast ingest`" in str(done.exception)
