"""Connection and price source that every repository is bound to, and the outcomes that its scores count."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from db.sql import select_tickers
from forecasting.types import OutcomeKind


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Outcomes that count; those of all issued bands by default.

    Attributes:
        tickers: Which, none for all.
        kinds: Which kinds of outcomes.
        horizons: Which, in sessions; none for all.
        since: No forecast from an earlier session counts.
    """

    tickers: Sequence[str] = ()
    kinds: Sequence[OutcomeKind] = ("live", "backfill")
    horizons: Sequence[int] = ()
    since: date = date.min


ALL_ISSUED = Selection()


class Repository:
    """Queries of one price source on one connection.

    Args:
        connection: From `db.engine.reading` or, to store, `db.engine.writing`.
        source: Name of the price source, such as `yahoo`.
    """

    def __init__(self, connection: sa.Connection, source: str) -> None:
        self._connection = connection
        self._source = source

    def _is_of(self, table: sa.FromClause, ticker: str, until: date | None = None) -> sa.ColumnElement[bool]:
        """Build the condition that a row is of a ticker of the source, up to and including a session."""
        is_ticker = (table.c.source == self._source) & (table.c.ticker == ticker)
        return is_ticker if until is None else is_ticker & (table.c.session <= until)

    def _is_selected(
        self, selection: Selection, view: sa.FromClause, table: sa.Table
    ) -> sa.ColumnElement[bool]:
        """Build the condition that a row of a view on a table, or of that table itself, is selected."""
        row = view.c
        conditions: list[sa.ColumnElement[Any]] = [
            row.source == self._source,
            row.kind.in_(selection.kinds),
            row.as_of >= selection.since,
            row.ticker.in_(selection.tickers or select_tickers(table, self._source)),
        ]
        if selection.horizons:
            conditions.append(row.horizon.in_(selection.horizons))
        return sa.and_(*conditions)


def is_known_after(table: sa.Table, instant: datetime) -> sa.ColumnElement[bool]:
    """Build the condition that a row had not been withdrawn at an instant (UTC)."""
    withdrawn_at = table.c.withdrawn_at
    return withdrawn_at.is_(None) | (withdrawn_at > instant)
