"""Repository of tickers that were left out of a session's run."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

import sqlalchemy as sa

from db.records import QuarantineRecord, TickerSession
from db.repositories.base import Repository
from db.schema import quarantines
from db.sql import upsert
from forecasting.prices.trust import Refusal


class QuarantineRepository(Repository):
    """Stored quarantines."""

    def add(self, records: Sequence[QuarantineRecord]) -> None:
        """Store quarantines; `seen_at` stays where reason and detail are stored already."""
        rows = [asdict(record) for record in records]
        upsert(self._connection, quarantines, rows, guarded=("reason", "detail"))

    def lift(self, as_of: date, tickers: Sequence[str]) -> None:
        """Delete the quarantines of tickers that were forecast after all."""
        columns = quarantines.c
        is_lifted = (columns.source == self._source) & (columns.as_of == as_of) & columns.ticker.in_(tickers)
        self._connection.execute(sa.delete(quarantines).where(is_lifted))

    def list_newest(self) -> list[QuarantineRecord]:
        """Load the newest quarantine of every ticker that ever had one, sorted by ticker."""
        columns = quarantines.c
        newest = (
            sa.select(columns.ticker, sa.func.max(columns.as_of).label("as_of"))
            .where(columns.source == self._source)
            .group_by(columns.ticker)
            .subquery()
        )
        is_newest = (columns.ticker == newest.c.ticker) & (columns.as_of == newest.c.as_of)
        query = sa.select(quarantines).join(newest, is_newest).where(columns.source == self._source)
        rows = self._connection.execute(query.order_by(columns.ticker)).mappings()
        return [QuarantineRecord(**row) for row in rows]

    def list_last_refusals(self, ticker: str, before: date, count: int) -> list[Refusal]:
        """Load session and reason of the last quarantines of a ticker before a session, newest first."""
        columns = quarantines.c
        is_earlier = (columns.source == self._source) & (columns.ticker == ticker) & (columns.as_of < before)
        query = sa.select(columns.as_of, columns.reason).where(is_earlier).order_by(columns.as_of.desc())
        return [Refusal(row.as_of, row.reason) for row in self._connection.execute(query.limit(count))]

    def load_skipped(self, first: date, last: date) -> set[TickerSession]:
        """Load ticker and session of every quarantine from `first` to `last`."""
        columns = quarantines.c
        is_within = columns.as_of.between(first, last) & (columns.source == self._source)
        rows = self._connection.execute(sa.select(columns.ticker, columns.as_of).where(is_within))
        return {(row.ticker, row.as_of) for row in rows}
