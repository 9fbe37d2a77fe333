"""Earnings dates of a source that has some, beside its prices."""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from flows.settings import Settings
from flows.sources.base import PriceSource
from forecasting.calendars.reports import EarningsDates, Report
from forecasting.calendars.sessions import Calendar
from forecasting.types import ReportOrigin


@runtime_checkable
class EarningsSource(Protocol):
    """Earnings dates of tickers by symbol, at hand."""

    def earnings(self) -> Mapping[str, tuple[Report, ...]]:
        """Return every report of the source, ticker by ticker, in order of time.

        Raises:
            SourceError: They cannot be read.
        """


@runtime_checkable
class LiveEarningsSource(Protocol):
    """Earnings dates that are fetched ticker by ticker."""

    @property
    def report_lists(self) -> tuple[ReportOrigin, ...]:
        """Lists that can be fetched, the one that is believed first."""

    def fetch_reports(self, ticker: str, origin: ReportOrigin, calendar: Calendar) -> tuple[Report, ...]:
        """Fetch one list of a ticker's reports, with their times of day at its exchange.

        Raises:
            PriceError: There is no usable answer; the subclass names the reason.
            CalendarError: A report lies outside of the calendar.
        """


def read_earnings_dates(
    settings: Settings, source: PriceSource, tickers: Iterable[str]
) -> dict[str, EarningsDates]:
    """Read the earnings dates of some tickers; empty where they are switched off or not at hand.

    Raises:
        SourceError: They cannot be read.
    """
    known_ahead = settings.known_ahead
    if known_ahead is None or not isinstance(source, EarningsSource):
        return {ticker: EarningsDates() for ticker in tickers}
    reports = source.earnings()
    return {ticker: EarningsDates(reports.get(ticker, ()), known_ahead) for ticker in tickers}
