"""Five weeks, or sixty days, against a Yahoo that misbehaves: the store ends up exactly right."""

import random
from collections import Counter
from datetime import date, time, timedelta

import pandas as pd
import pytest
from evenings import ingest_evening
from vendor_simulator import DATA_FAULTS, Stock, make_history, with_actions
from workplace import open_configured_store
from yahoo_imitation import (
    EMPTY,
    HTML,
    MALFORMED,
    RESET,
    SERVER_ERROR,
    TOO_MANY,
    TRUNCATED,
    Answer,
    Yahoo,
)

from db import Store
from flows.sources import SampleSource
from forecasting.prices.adjustment import PRICE_COLUMNS
from forecasting.prices.history import PriceHistory
from forecasting.prices.revisions import VOLUME_RTOL

FIRST = date(2005, 1, 10)  # AAPL splits 2:1 on 2005-02-28, the 50th day
HEALTHY_END = 4
WEB_FAULTS: list[Answer | str] = [SERVER_ERROR, HTML, MALFORMED, EMPTY, TRUNCATED, RESET, TOO_MANY]


def universe(last: date) -> dict[str, Stock]:
    """Real prices with a real split, and made-up ones of other markets with a 4:1 split and dividends."""
    apple = SampleSource().fetch("AAPL", date(2004, 6, 1), last)
    coin = make_history("BTC-USD", last, seed=1, sessions=200)
    toyota = with_actions(
        make_history("7203.T", last, seed=3), {date(2005, 2, 2): 4.0}, {date(2005, 1, 20): 1.5}
    )
    slips = {"AAPL": {date(2005, 1, 18): (date(2005, 2, 9), 1.013)}}
    return {
        history.ticker: Stock(history, slips.get(history.ticker, {})) for history in (apple, coin, toyota)
    }


def misbehave(yahoo: Yahoo, stock: Stock, day: date, dice: random.Random) -> str | None:
    """Perhaps one fault of one ticker; its name."""
    ticker = stock.truth.ticker
    yahoo.faults.pop(ticker, None)
    yahoo.listings[ticker] = stock.listing(day)
    draw = dice.random()
    if draw < 0.15:
        name = dice.choice(sorted(DATA_FAULTS))
        yahoo.listings[ticker] = DATA_FAULTS[name](stock, yahoo.listings[ticker])
        return name
    if draw < 0.3:
        fault = dice.choice(WEB_FAULTS)
        if dice.random() < 0.5:
            yahoo.faults[ticker] = fault
        else:
            yahoo.once[ticker] = [fault] * dice.randint(1, 2)
        return str(fault)
    return None


@pytest.mark.parametrize("days", [35, pytest.param(60, marks=pytest.mark.long)])
def test_after_weeks_of_faults_the_store_equals_the_truth(yahoo: Yahoo, days: int) -> None:
    dice = random.Random(1)
    last = FIRST + timedelta(days=days - 1)
    stocks = universe(last)
    requests, faults = Counter[int](), Counter[str]()
    for number in range(days):
        day = FIRST + timedelta(days=number)
        wrong = {}
        for ticker, stock in stocks.items():
            healthy = number == 0 or number >= days - HEALTHY_END  # a first pull has nothing to check against
            wrong[ticker] = misbehave(yahoo, stock, day, random.Random(0) if healthy else dice)
        yahoo.requests.clear()
        failed = ingest_evening(day, list(stocks), time(22, 30))
        requests.update([sum("/chart/" in path for path in yahoo.requests)])
        faults.update(name for name in wrong.values() if name)
        assert set(failed) <= {ticker for ticker, name in wrong.items() if name}, (day, failed)
    with open_configured_store() as store:
        for ticker, stock in stocks.items():
            assert_equal(load(store, ticker), stock.truth.until(last))
        assert list_revised(store) == [("AAPL", date(2005, 1, 18), "correction")]
    assert sum(faults.values()) >= days / 2
    assert len(faults) >= 15
    assert requests[len(stocks)] >= days / 2  # one request a ticker where nothing is wrong
    assert max(requests) <= 2 * 4 * len(stocks)  # four attempts, each made twice by yfinance itself


def load(store: Store, ticker: str) -> PriceHistory:
    with store.reading() as tx:
        return tx.prices.load(ticker)


def list_revised(store: Store) -> list[tuple[str, date, str]]:
    """Every correction of prices that was kept."""
    with store.reading() as tx:
        revisions = {
            holding.ticker: tx.prices.load_revisions(holding.ticker) for holding in tx.prices.list_holdings()
        }
    return [
        (ticker, row.session, row.reason) for ticker, rows in revisions.items() for row in rows.itertuples()
    ]


def assert_equal(found: PriceHistory, truth: PriceHistory) -> None:
    sessions = truth.bars.index[truth.bars.index <= found.bars.index[-1]]
    assert len(truth.bars) - len(sessions) <= 1  # a coin's day ends at midnight, after the run
    expected = truth.bars.loc[sessions]
    pd.testing.assert_frame_equal(
        found.bars[PRICE_COLUMNS], expected[PRICE_COLUMNS], rtol=2e-6, check_freq=False
    )
    # Volume that settles by less than the tolerance is not worth a revision.
    pd.testing.assert_series_equal(
        found.bars["volume"], expected["volume"], rtol=VOLUME_RTOL, check_freq=False
    )
    pd.testing.assert_frame_equal(found.actions, truth.actions, rtol=1e-6, check_freq=False)
