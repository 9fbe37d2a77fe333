"""Repository of earnings dates, with the time in which each was known, and of the attempts to read them."""

from collections.abc import Collection, Mapping
from datetime import date, datetime

import sqlalchemy as sa

from db.repositories.base import Repository, is_known_after
from db.schema import earnings_checks, earnings_dates
from db.sql import insert, upsert
from forecasting.calendars.listed_reports import ReportCheck
from forecasting.calendars.reports import Report


class EarningsRepository(Repository):
    """Stored earnings dates."""

    def load(
        self, tickers: Collection[str], known_at: datetime, since: date = date.min
    ) -> dict[str, tuple[Report, ...]]:
        """Load ticker -> reports that count, in order of time, as they were known at an instant (UTC).

        Args:
            tickers: Which.
            known_at: The instant.
            since: First day of a report.
        """
        return {
            ticker: tuple(report for report in reports if report.counts)
            for ticker, reports in self.load_all(tickers, known_at, since).items()
        }

    def load_all(
        self, tickers: Collection[str], known_at: datetime, since: date = date.min
    ) -> dict[str, tuple[Report, ...]]:
        """Load the same with the reports that do not count."""
        columns = earnings_dates.c
        facts = (columns.report_time, columns.known_since, columns.origin, columns.counts)
        query = (
            sa.select(columns.ticker, columns.report_date, *facts)
            .where(columns.source == self._source, columns.ticker.in_(tickers))
            .where(columns.report_date >= since)
            .where(columns.first_seen <= known_at, is_known_after(earnings_dates, known_at))
            .order_by(columns.ticker, columns.report_date)
        )
        reports: dict[str, list[Report]] = {ticker: [] for ticker in tickers}
        for ticker, *report in self._connection.execute(query):
            reports[ticker].append(Report(*report))
        # Earlier releases have stored a report twice where two runs met.
        return {ticker: tuple(dict.fromkeys(listed)) for ticker, listed in reports.items()}

    def replace(self, reports: Mapping[str, Collection[Report]], at: datetime) -> None:
        """Store all reports of some tickers as they are known from an instant (UTC) on.

        One that is known no longer is withdrawn, and its row stays; what is stored already stays as it is.
        A run that began later, or by a clock that was ahead, may have stored a day first: it is known from
        the earlier instant on.
        """
        known = self.load_all(list(reports), at)
        for ticker, wanted in reports.items():
            stored = set(known[ticker])
            for report in stored - set(wanted):
                self._withdraw(ticker, report, at)
            new = sorted(set(wanted) - stored, key=lambda report: report.day)
            self._delete_later(ticker, [report.day for report in new], at)
            insert(self._connection, earnings_dates, [self._build_row(ticker, each, at) for each in new])

    def load_checks(self) -> dict[str, ReportCheck]:
        """Load ticker -> newest attempt to read its dates."""
        columns = earnings_checks.c
        query = sa.select(
            columns.ticker, columns.tried_at, columns.read_at, columns.reason, columns.detail
        ).where(columns.source == self._source)
        return {ticker: ReportCheck(*check) for ticker, *check in self._connection.execute(query)}

    def save_check(self, ticker: str, check: ReportCheck) -> None:
        """Store the newest attempt in place of the one before it."""
        row = {
            "source": self._source,
            "ticker": ticker,
            "tried_at": check.tried_at,
            "read_at": check.read_at,
            "reason": check.reason,
            "detail": check.detail,
        }
        guarded = ("tried_at", "read_at", "reason", "detail")
        upsert(self._connection, earnings_checks, [row], guarded=guarded)

    def delete_checks(self) -> None:
        """Delete all attempts, so that the next run reads every ticker's dates."""
        self._connection.execute(sa.delete(earnings_checks).where(earnings_checks.c.source == self._source))

    def _withdraw(self, ticker: str, report: Report, at: datetime) -> None:
        columns = earnings_dates.c
        is_report = sa.and_(
            columns.source == self._source,
            columns.ticker == ticker,
            columns.report_date == report.day,
            columns.first_seen <= at,
            is_known_after(earnings_dates, at),
        )
        self._connection.execute(sa.update(earnings_dates).where(is_report).values(withdrawn_at=at))

    def _delete_later(self, ticker: str, days: Collection[date], at: datetime) -> None:
        """Delete the rows of some days that are known from a later instant on, and are not withdrawn."""
        columns = earnings_dates.c
        is_ticker = (columns.source == self._source) & (columns.ticker == ticker)
        is_later = (columns.first_seen > at) & columns.withdrawn_at.is_(None)
        is_chosen = is_ticker & columns.report_date.in_(days) & is_later
        self._connection.execute(sa.delete(earnings_dates).where(is_chosen))

    def _build_row(self, ticker: str, report: Report, at: datetime) -> dict[str, object]:
        return {
            "source": self._source,
            "ticker": ticker,
            "report_date": report.day,
            "first_seen": at,
            "report_time": report.when,
            "known_since": report.known_since,
            "origin": report.origin,
            "counts": report.counts,
        }
