"""Earnings dates of a source that has some, beside its prices."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from flows.settings import Settings
from flows.sources.base import PriceSource
from forecasting.calendars.reports import EarningsDates, Report
from forecasting.calendars.sessions import Calendar
from forecasting.errors import SourceError
from forecasting.types import ReportOrigin


@dataclass(frozen=True)
class ListedReports:
    """Reports that a source lists.

    Attributes:
        reports: Ticker -> its reports, in order of time.
        faults: What could not be read, a sentence each.
    """

    reports: Mapping[str, tuple[Report, ...]]
    faults: tuple[str, ...] = ()


NO_REPORTS = ListedReports({})


@runtime_checkable
class EarningsSource(Protocol):
    """Earnings dates of tickers by symbol, at hand."""

    def earnings(self) -> ListedReports:
        """Return every report of the source.

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


def list_reports(source: PriceSource, known_ahead: int | None) -> ListedReports:
    """List the reports of a source; none where dates are switched off (None) or not at hand.

    Raises:
        SourceError: They cannot be read.
    """
    return source.earnings() if known_ahead is not None and isinstance(source, EarningsSource) else NO_REPORTS


def read_earnings_dates(
    settings: Settings, source: PriceSource, tickers: Iterable[str]
) -> dict[str, EarningsDates]:
    """Read the earnings dates of some tickers; empty where they are switched off or not at hand.

    Raises:
        SourceError: One of the source's reports cannot be read.
    """
    listed = list_reports(source, settings.known_ahead)
    if listed.faults:
        raise SourceError(listed.faults[0])
    return date_reports(tickers, listed.reports, settings.known_ahead)


def date_reports(
    tickers: Iterable[str], reports: Mapping[str, tuple[Report, ...]], known_ahead: int | None
) -> dict[str, EarningsDates]:
    """Return the earnings dates of some tickers; empty where they are switched off (`known_ahead` None)."""
    if known_ahead is None:
        return {ticker: EarningsDates() for ticker in tickers}
    return {ticker: EarningsDates(reports.get(ticker, ()), known_ahead) for ticker in tickers}
