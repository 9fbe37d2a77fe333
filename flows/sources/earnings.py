"""Earnings dates of a source that has some, beside its prices."""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from flows.settings import Settings
from flows.sources.base import PriceSource
from forecasting.calendars.reports import EarningsDates, Report


@runtime_checkable
class EarningsSource(Protocol):
    """Earnings dates of tickers by symbol."""

    def earnings(self) -> Mapping[str, tuple[Report, ...]]:
        """Return every report of the source, ticker by ticker, in order of time.

        Raises:
            SourceError: They cannot be read.
        """


def read_earnings_dates(
    settings: Settings, source: PriceSource, tickers: Iterable[str]
) -> dict[str, EarningsDates]:
    """Read the earnings dates of some tickers; empty where they are switched off or the source has none.

    Raises:
        SourceError: They cannot be read.
    """
    known_ahead = settings.known_ahead
    if known_ahead is None or not isinstance(source, EarningsSource):
        return {ticker: EarningsDates() for ticker in tickers}
    reports = source.earnings()
    return {ticker: EarningsDates(reports.get(ticker, ()), known_ahead) for ticker in tickers}
