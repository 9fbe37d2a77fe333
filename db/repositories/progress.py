"""Which tickers have been dealt with in which sessions: forecast, or left out for a reason."""

from datetime import date

import sqlalchemy as sa

from db.schema import forecast_runs, forecasts, quarantines

Done = set[tuple[str, date]]  # ticker and as_of


class ProgressRepository:
    """Reads what is there already, so that a session is neither forgotten nor done twice.

    Args:
        conn: From `db.engine.reading`.
        source: The price source.
    """

    def __init__(self, conn: sa.Connection, source: str) -> None:
        self._conn = conn
        self._source = source

    def forecast(self, first: date, last: date, horizon: int) -> Done:
        """Ticker and `as_of` of every stored forecast from `first` to `last` that reaches the horizon."""
        within = forecasts.c.as_of.between(first, last) & (forecasts.c.horizon == horizon)
        query = sa.select(forecasts.c.ticker, forecasts.c.as_of).join(forecast_runs).where(within)
        return self._pairs(query.where(forecast_runs.c.source == self._source))

    def issued(self, session: date) -> Done:
        """Ticker and `as_of` of every forecast of a session that was issued on its day."""
        query = sa.select(forecasts.c.ticker, forecasts.c.as_of).join(forecast_runs).distinct()
        of = (forecasts.c.as_of == session) & (forecast_runs.c.source == self._source)
        of &= forecast_runs.c.kind == "live"
        return self._pairs(query.where(of))

    def left_out(self, first: date, last: date) -> Done:
        """Ticker and `as_of` of every quarantine from `first` to `last`."""
        columns = quarantines.c
        within = columns.as_of.between(first, last) & (columns.source == self._source)
        return self._pairs(sa.select(columns.ticker, columns.as_of).where(within))

    def beginnings(self) -> dict[str, date]:
        """The first `as_of` of each ticker that was ever forecast."""
        query = (
            sa.select(forecasts.c.ticker, sa.func.min(forecasts.c.as_of).label("first"))
            .join(forecast_runs)
            .where(forecast_runs.c.source == self._source)
            .group_by(forecasts.c.ticker)
        )
        return {row.ticker: row.first for row in self._conn.execute(query)}

    def _pairs(self, query: sa.Select[tuple[str, date]]) -> Done:
        return {(row.ticker, row.as_of) for row in self._conn.execute(query)}
