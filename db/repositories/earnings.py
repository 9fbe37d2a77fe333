"""Repository of earnings dates, with the time in which each was known."""

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa

from db.repositories.base import Repository
from db.schema import earnings_dates
from db.sql import insert
from forecasting.calendars.reports import Report


class EarningsRepository(Repository):
    """Stored earnings dates."""

    def load(self, tickers: Collection[str], known_at: datetime) -> dict[str, tuple[Report, ...]]:
        """Load ticker -> reports in order of time, as they were known at an instant (UTC)."""
        columns = earnings_dates.c
        still_known = columns.withdrawn_at.is_(None) | (columns.withdrawn_at > known_at)
        query = (
            sa.select(columns.ticker, columns.report_date, columns.report_time, columns.known_since)
            .where(columns.source == self._source, columns.first_seen <= known_at, still_known)
            .order_by(columns.ticker, columns.report_date)
        )
        reports: dict[str, list[Report]] = {ticker: [] for ticker in tickers}
        for ticker, *report in self._connection.execute(query):
            if ticker in reports:
                reports[ticker].append(Report(*report))
        return {ticker: tuple(own) for ticker, own in reports.items()}

    def replace(self, reports: Mapping[str, Collection[Report]], at: datetime) -> None:
        """Store all reports of some tickers as they are known from an instant (UTC) on.

        One that is known no longer is withdrawn, and its row stays; what is stored already stays as it is.
        """
        known = self.load(list(reports), at)
        for ticker, own in reports.items():
            stored = set(known[ticker])
            for report in stored - set(own):
                self._withdraw(ticker, report, at)
            new = sorted(set(own) - stored, key=lambda report: report.day)
            insert(self._connection, earnings_dates, [self._build_row(ticker, each, at) for each in new])

    def _withdraw(self, ticker: str, report: Report, at: datetime) -> None:
        columns = earnings_dates.c
        is_report = sa.and_(
            columns.source == self._source,
            columns.ticker == ticker,
            columns.report_date == report.day,
            columns.withdrawn_at.is_(None),
        )
        self._connection.execute(sa.update(earnings_dates).where(is_report).values(withdrawn_at=at))

    def _build_row(self, ticker: str, report: Report, at: datetime) -> dict[str, object]:
        return {
            "source": self._source,
            "ticker": ticker,
            "report_date": report.day,
            "first_seen": at,
            "report_time": report.when,
            "known_since": report.known_since,
        }
