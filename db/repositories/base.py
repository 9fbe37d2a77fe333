"""Connection and price source that every repository is bound to."""

from datetime import date

import sqlalchemy as sa


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
