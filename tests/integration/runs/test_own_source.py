"""A source of one's own: registered, it serves the flows like the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
import pytest
from flow_runs import complete
from vendor_simulator import make_history

from db import Store
from flows.ingest import ingest
from flows.settings import Settings
from flows.sources import SOURCES, PriceSource
from flows.sources.base import build_history
from flows.sources.registry import register
from forecasting.errors import UnknownTickerError
from forecasting.prices.history import PriceHistory

LAST = date(2024, 6, 7)


@dataclass(frozen=True)
class MemorySource:
    """Histories in memory."""

    histories: Mapping[str, PriceHistory]
    name: str = "csv"
    live: bool = False

    def tickers(self) -> tuple[str, ...]:
        return tuple(self.histories)

    def ignored_files(self) -> tuple[str, ...]:
        return ()

    def last_session(self, tickers: tuple[str, ...]) -> date | None:
        known = [history for ticker, history in self.histories.items() if ticker in tickers]
        return max((history.last_session for history in known), default=None)

    def fetch(self, ticker: str, start: date | None, end: date) -> PriceHistory:
        if ticker not in self.histories:
            raise UnknownTickerError(ticker, "memory")
        history = self.histories[ticker]
        return build_history(ticker, history.bars, history.actions, start=start, end=end, where="memory")


@pytest.fixture
def histories(monkeypatch: pytest.MonkeyPatch) -> dict[str, PriceHistory]:
    """Of a source that takes the place of the folder of files, for as long as the test."""
    made = {ticker: make_history(ticker, LAST, seed) for seed, ticker in enumerate(("AAA", "7203.T"))}
    monkeypatch.setenv("BANDCAST_SOURCE", "csv")
    monkeypatch.setitem(SOURCES, "csv", SOURCES["csv"])  # restored in the end

    @register("csv")
    def open_memory(_: Settings, __: datetime) -> PriceSource:
        return MemorySource(made)

    return made


@pytest.mark.usefixtures("prefect_url")
def test_prices_of_a_registered_source_are_ingested(histories: dict[str, PriceHistory], store: Store) -> None:
    summary = complete(ingest)
    assert (summary.as_of, summary.tickers) == (LAST, ("AAA", "7203.T"))
    with store.reading() as tx:
        for ticker, history in histories.items():
            pd.testing.assert_frame_equal(tx.prices.load(ticker).bars, history.bars, check_freq=False)


@pytest.mark.usefixtures("prefect_url", "histories")
def test_its_faults_quarantine_one_ticker() -> None:
    summary = complete(ingest, tickers=["AAA", "NOPE"])
    assert summary.tickers == ("AAA",)
    assert (
        str(summary.quarantined["NOPE"]) == "NOPE: expected prices in memory, found none; check the symbol."
    )
