"""The instrument behind a symbol: another one is never joined, and its exchange is never guessed."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from evenings import ingest_evening
from flow_runs import complete
from reading_store import rows
from vendor_simulator import Stock, make_history
from yahoo_imitation import Listing, Yahoo

from flows.ingest import ingest
from forecasting.calendars.sessions import sessions_between
from forecasting.prices.history import PriceHistory

FRI = date(2024, 6, 7)
DAYS = sessions_between("XNYS", date(2024, 5, 20), FRI)
FIRST_TRADE = 915_460_200  # 1999-01-04, 9:30 in New York


def list_since(yahoo: Yahoo, day: date, since: date, **meta: Any) -> None:
    """List a stock that was first traded on a day."""
    truth = make_history("ACME", FRI, seed=2)
    bars = truth.bars.loc[str(since) :]
    listing = Stock(PriceHistory("ACME", bars, truth.actions)).listing(day)
    yahoo.listings["ACME"] = replace(listing, meta_changes=meta)


def reasons(day: date, *tickers: str) -> dict[str, str]:
    return {ticker: error.reason for ticker, error in ingest_evening(day, list(tickers)).items()}


def test_name_and_first_trade_date_are_kept_as_facts(yahoo: Yahoo) -> None:
    list_since(yahoo, FRI, date(2024, 1, 2), longName="Acme Corporation", firstTradeDate=FIRST_TRADE)
    assert reasons(FRI, "ACME") == {}
    assert rows("SELECT name, first_trade_date FROM instruments") == [("Acme Corporation", "1999-01-04")]


def test_a_symbol_given_to_another_company_is_not_stitched_and_is_believed_after_five_runs(
    yahoo: Yahoo,
) -> None:
    old = Stock(make_history("ACME", DAYS[2], seed=1))
    yahoo.listings["ACME"] = old.listing(DAYS[2])
    assert reasons(DAYS[2], "ACME") == {}
    before = rows("SELECT session, close FROM price_bars ORDER BY session")
    found = []
    for day in DAYS[4:10]:
        list_since(yahoo, day, DAYS[3])
        found.append(reasons(day, "ACME"))
    assert found == [{"ACME": "instrument_changed"}] * 5 + [{}]
    assert rows("SELECT min(session), count(*) FROM price_bars") == [(str(DAYS[3]), 7)]
    aside = "SELECT session, close FROM price_revisions WHERE reason = 'instrument_changed' ORDER BY session"
    assert rows(aside) == before


@pytest.mark.usefixtures("prefect_url")
def test_an_index_of_unknown_place_is_new_yorks_only_if_the_vendor_says_so(
    yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_MIN_SUCCESS_RATIO", "0")
    for ticker, zone in {"^ABC": "America/New_York", "^XYZ": "Asia/Kolkata", "AAPL": "Asia/Tokyo"}.items():
        listing = Stock(make_history("AAPL", FRI, seed=3)).listing(FRI)
        yahoo.listings[ticker] = Listing(listing.closes, zone=zone)
    summary = complete(ingest, tickers=["^ABC", "^XYZ", "AAPL"], as_of=FRI)
    assert summary.tickers == ("^ABC",)
    for ticker in ("^XYZ", "AAPL"):
        error = summary.quarantined[ticker]
        assert (error.reason, f"BANDCAST_CALENDARS={ticker}:" in str(error)) == ("unknown_exchange", True)
    assert rows("SELECT ticker, calendar FROM instruments") == [("^ABC", "XNYS")]
    assert complete(ingest, tickers=["^ABC"], as_of=FRI).tickers == ("^ABC",)
    monkeypatch.setenv("BANDCAST_CALENDARS", "^XYZ:XBOM")
    assert complete(ingest, tickers=["^ABC", "^XYZ"], as_of=FRI).tickers == ("^ABC", "^XYZ")
    assert rows("SELECT calendar FROM instruments WHERE ticker = '^XYZ'") == [("XBOM",)]


@pytest.mark.usefixtures("prefect_url")
def test_an_index_of_unknown_place_alone_is_quarantined_by_its_own_reason(
    yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANDCAST_MIN_SUCCESS_RATIO", "0")
    listing = Stock(make_history("AAPL", FRI, seed=3)).listing(FRI)
    yahoo.listings["^XYZ"] = replace(listing, zone="Asia/Kolkata")
    monkeypatch.setenv("BANDCAST_TICKERS", "^XYZ")
    assert reasons(FRI, "^XYZ") == {"^XYZ": "unknown_exchange"}
