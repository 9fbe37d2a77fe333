"""Closures are found from the tickers of the run; others may not have been fetched for weeks."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pandas as pd
import pytest
from vendor_simulator import make_history

from flows.context import open_context
from flows.steps.closures import learn_closures
from flows.steps.ingest import save_history
from forecasting.prices.history import PriceHistory

DUE = datetime(2024, 6, 7, 22, 30, tzinfo=UTC)
LAST, CLOSED = date(2024, 6, 7), date(2024, 6, 4)
OWN, OTHERS = ("AAA", "BBB"), ("OLD", "OLDER", "OLDEST")


def make(ticker: str, seed: int) -> PriceHistory:
    """A hundred sessions without a bar of the 4th; those of others end before it."""
    history = make_history(ticker, LAST, seed, sessions=100)
    bars = history.bars.drop(pd.Timestamp(CLOSED))
    return replace(history, bars=bars if ticker in OWN else bars[: pd.Timestamp("2024-05-10")])


def find(*traded: str) -> set[date]:
    """Closures that a run of the own tickers learns, where some of the others have a bar of the 4th."""
    with open_context(DUE, now=DUE, source="yahoo", tickers=OWN, train_universe="own") as context:
        for seed, ticker in enumerate((*OWN, *OTHERS)):
            history = make(ticker, seed)
            full = make_history(ticker, LAST, seed, sessions=100)
            save_history(context, full if ticker in traded else history)
        learn_closures(context, OWN)
        with context.store.reading() as tx:
            return {change.session for change in tx.calendars.load(context.now, "found")}


def test_tickers_that_were_not_fetched_do_not_keep_a_closure_from_being_found() -> None:
    assert find() == {CLOSED}


def test_a_bar_of_any_ticker_undoes_it() -> None:
    assert find("OLD") == set()


def test_a_stored_bar_of_a_day_that_counts_as_closed_since_has_not_vanished(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is kept, as each run's download lacks it."""
    full, vanished = make_history("AAA", LAST, 0, sessions=100), []
    for lost in (None, CLOSED, date(2024, 6, 5)):
        if lost == CLOSED:
            monkeypatch.setenv("BANDCAST_CLOSURES", f"XNYS:{CLOSED}")
        days = [pd.Timestamp(day) for day in (CLOSED, lost)] if lost else []
        with open_context(DUE, now=DUE, source="yahoo", tickers=("AAA",)) as context:
            ingested = save_history(context, replace(full, bars=full.bars.drop(days)))
        vanished.append(ingested.vanished)
    assert vanished == [0, 0, 1]
