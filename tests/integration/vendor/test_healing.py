"""A Yahoo that misbehaves for some sessions and then is right for six: the store heals."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time

import numpy as np
import pandas as pd
import pytest
from evenings import ingest_evening
from listed_source import ListedSource
from vendor_simulator import DATA_FAULTS, Stock, make_history, with_actions
from workplace import open_configured_store
from yahoo_imitation import Listing, Yahoo

from flows.context import open_context
from flows.sources.retry import open_retrier
from flows.steps.ingest import save_quarantines, try_ticker
from forecasting.calendars.sessions import next_sessions
from forecasting.errors import PriceError
from forecasting.prices.adjustment import PRICE_COLUMNS, adjust
from forecasting.prices.history import PriceHistory
from forecasting.prices.validation import find_unlikely_jumps

DAYS = (date(2024, 5, 6), *next_sessions("XNYS", date(2024, 5, 6), 14))
HEALTHY_END = 6
LONGEST = 7
SESSIONS = 360  # more than a download of `HISTORY_DAYS` holds: the store begins before its window
FIRST_DAYS, HISTORY_DAYS = "900", "400"
ALL_FAULTS = sorted(DATA_FAULTS)
SPLIT_BEFORE = ({DAYS[1]: 2.0}, {DAYS[3]: 0.5})
SPLIT_AMID = ({DAYS[4]: 4.0}, {DAYS[2]: 0.3, DAYS[5]: 0.1})


@pytest.fixture(autouse=True)
def live_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_SOURCE", "yahoo")


def ingest_listed(listings: Mapping[str, Listing], day: date) -> dict[str, PriceError]:
    """One evening's ingest of listings in memory; the reason of each ticker that failed."""
    due = datetime.combine(day, time(22), UTC)
    with open_context(due, now=due, tickers=list(listings)) as opened:
        context = replace(opened, source=ListedSource(listings))
        retrier = open_retrier(context.settings)
        results = {ticker: try_ticker(context, ticker, retrier) for ticker in listings}
        failed = {ticker: result for ticker, result in results.items() if isinstance(result, PriceError)}
        save_quarantines(context, failed, set(listings) - set(failed))
    return failed


def make_stocks(
    splits: Mapping[date, float], dividends: Mapping[date, float], faults: Sequence[str] = ALL_FAULTS
) -> dict[str, Stock]:
    """One stock for each fault, by the fault's number."""
    return {
        ticker: Stock(
            with_actions(make_history(ticker, DAYS[-1], number, SESSIONS), dict(splits), dict(dividends))
        )
        for number, ticker in ((number, f"S{number}") for number in map(ALL_FAULTS.index, faults))
    }


def fault_of(ticker: str) -> str:
    return ALL_FAULTS[int(ticker.removeprefix("S"))]


def find_faults(stock: Stock, stored: PriceHistory, last: date) -> list[str]:
    """What is wrong in the store, in words."""
    truth = stock.truth.until(last)
    expected = truth.bars.loc[stored.bars.index[0] :]
    wrong = ~np.isclose(
        stored.bars.reindex(expected.index)[PRICE_COLUMNS], expected[PRICE_COLUMNS], rtol=2e-6
    )
    faults = [f"{name} wrong" for name, column in zip(PRICE_COLUMNS, wrong.T, strict=True) if column.any()]
    jumps = find_unlikely_jumps(adjust(stored, last, "total_return"))
    faults += [f"jump at {day.date()}" for day in jumps]
    try:
        pd.testing.assert_frame_equal(stored.actions, truth.actions, rtol=1e-4, check_freq=False)
    except AssertionError:
        faults.append("actions differ")
    return faults


def find_all_faults(stocks: Mapping[str, Stock], last: date) -> dict[str, list[str]]:
    """What is wrong in the store, by the fault that the vendor had."""
    with open_configured_store() as store, store.reading() as tx:
        found = {ticker: find_faults(stock, tx.prices.load(ticker), last) for ticker, stock in stocks.items()}
    return {fault_of(ticker): faults for ticker, faults in found.items() if faults}


def misbehave(stocks: Mapping[str, Stock], day: date) -> dict[str, Listing]:
    """The listing of each stock with its fault."""
    return {
        ticker: DATA_FAULTS[fault_of(ticker)](stock, stock.listing(day)) for ticker, stock in stocks.items()
    }


@pytest.mark.parametrize(
    ("splits", "dividends", "wrong_sessions", "faults"),
    [
        (*SPLIT_AMID, 1, ALL_FAULTS[::3]),
        pytest.param(*SPLIT_AMID, 1, ALL_FAULTS, marks=pytest.mark.long),
        pytest.param(*SPLIT_BEFORE, 5, ALL_FAULTS, marks=pytest.mark.long),
        pytest.param(*SPLIT_BEFORE, LONGEST, ALL_FAULTS, marks=pytest.mark.long),
        pytest.param(*SPLIT_AMID, LONGEST, ALL_FAULTS, marks=pytest.mark.long),
    ],
)
def test_six_right_sessions_heal_whatever_went_before(
    splits: dict[date, float],
    dividends: dict[date, float],
    wrong_sessions: int,
    faults: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stocks = make_stocks(splits, dividends, faults)
    monkeypatch.setenv("BANDCAST_HISTORY_DAYS", FIRST_DAYS)
    right = {ticker: stock.listing(DAYS[0]) for ticker, stock in stocks.items()}
    assert ingest_listed(right, DAYS[0]) == {}
    monkeypatch.setenv("BANDCAST_HISTORY_DAYS", HISTORY_DAYS)
    for day in DAYS[1 : 1 + wrong_sessions]:
        ingest_listed(misbehave(stocks, day), day)
    healing = DAYS[1 + wrong_sessions :][:HEALTHY_END]
    for day in healing:
        failed = ingest_listed({ticker: stock.listing(day) for ticker, stock in stocks.items()}, day)
    assert failed == {}
    assert find_all_faults(stocks, healing[-1]) == {}


@pytest.mark.long
def test_a_first_download_on_a_wrong_scale_heals_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stocks = make_stocks({DAYS[1]: 2.0}, {DAYS[3]: 0.5})
    monkeypatch.setenv("BANDCAST_HISTORY_DAYS", FIRST_DAYS)
    ingest_listed(misbehave(stocks, DAYS[0]), DAYS[0])
    monkeypatch.setenv("BANDCAST_HISTORY_DAYS", HISTORY_DAYS)
    for day in DAYS[1 : 1 + HEALTHY_END]:
        failed = ingest_listed({ticker: stock.listing(day) for ticker, stock in stocks.items()}, day)
    assert failed == {}
    assert find_all_faults(stocks, DAYS[HEALTHY_END]) == {}


@pytest.mark.parametrize(
    "fault",
    [
        "everything in pence",
        pytest.param("another currency", marks=pytest.mark.long),
        pytest.param("no events", marks=pytest.mark.long),
    ],
)
def test_the_real_client_heals_as_well(yahoo: Yahoo, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A week in which the scale is believed in the end, over HTTP."""
    stock = Stock(with_actions(make_history("ACME", DAYS[-1], 1, SESSIONS), {DAYS[1]: 2.0}, {}))
    monkeypatch.setenv("BANDCAST_HISTORY_DAYS", FIRST_DAYS)
    for index, day in enumerate(DAYS[: 1 + LONGEST + HEALTHY_END]):
        listing = stock.listing(day)
        is_wrong = 1 <= index <= LONGEST
        yahoo.listings["ACME"] = DATA_FAULTS[fault](stock, listing) if is_wrong else listing
        failed = ingest_evening(day, ["ACME"])
        monkeypatch.setenv("BANDCAST_HISTORY_DAYS", HISTORY_DAYS)
    assert failed == {}
    with open_configured_store() as store, store.reading() as tx:
        assert find_faults(stock, tx.prices.load("ACME"), day) == []
