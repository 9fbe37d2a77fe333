"""Published forecasts, their runs and the tickers that were left out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from db.records import Quarantine, RunRecord
from db.repositories.forecast_rows import forecast_rows, quantile_rows
from db.schema import (
    forecast_quantiles,
    forecast_runs,
    forecasts,
    latest_forecast,
    quarantines,
    verifications,
)
from db.sql import Row, frame, insert, upsert
from forecasting.forecast import Forecast

_WHEN_NOT_WHAT = ("issued_at", "run_id")
_RUN_COLUMNS = [field.name for field in fields(RunRecord)]


@dataclass(frozen=True)
class PublishReport:
    """Tickers by what publishing did to their forecast.

    Attributes:
        new: Stored.
        replaced: Stored in place of other values.
        unchanged: Found stored with the same values.
        kept: Left stored with other values.
    """

    new: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Draft:
    forecast: Forecast
    rows: list[Row]
    quantiles: list[Row]

    def of(self, table: sa.Table) -> sa.ColumnElement[bool]:
        return _of(table, self.forecast.ticker, self.forecast.as_of)


class ForecastRepository:
    """The stored forecasts of all sources.

    Args:
        conn: From `db.engine.reading` or, to write, `db.engine.writing`.
    """

    def __init__(self, conn: sa.Connection) -> None:
        self._conn = conn

    def publish(self, run: RunRecord, new: Sequence[Forecast], *, replace: bool = True) -> PublishReport:
        """Store a run with its forecasts; one that is stored with the same values is left untouched.

        Where values differ, all rows of that ticker and `as_of` are replaced, so that a shorter horizon
        leaves no older rows behind, and the scores of the old ones go with them. A run that changes no
        forecast leaves no trace.

        Args:
            run: The run.
            new: At most one a ticker and `as_of`.
            replace: False leaves stored forecasts even where values differ.

        Raises:
            StoreError: A value is infinite.
        """
        drafts = [_Draft(forecast, forecast_rows(run, forecast), quantile_rows(forecast)) for forecast in new]
        fates = [self._fate(draft, replace) for draft in drafts]
        written = [draft for draft, fate in zip(drafts, fates, strict=True) if fate in ("new", "replaced")]
        if written or not new:
            upsert(self._conn, forecast_runs, [asdict(run)], guarded=_RUN_COLUMNS)
        for draft in written:
            self._conn.execute(sa.delete(forecasts).where(draft.of(forecasts)))
            issued = verifications.c.kind != "walk_forward"
            self._conn.execute(sa.delete(verifications).where(draft.of(verifications) & issued))
        insert(self._conn, forecasts, [row for draft in written for row in draft.rows])
        insert(self._conn, forecast_quantiles, [row for draft in written for row in draft.quantiles])
        return _report([draft.forecast.ticker for draft in drafts], fates)

    def run(self, run_id: str) -> RunRecord | None:
        """A run by its id."""
        row = (
            self._conn.execute(sa.select(forecast_runs).where(forecast_runs.c.run_id == run_id))
            .mappings()
            .first()
        )
        return None if row is None else RunRecord(**row)

    def of_run(self, run_id: str) -> list[tuple[str, date]]:
        """Ticker and `as_of` of every forecast that a run made and no later one replaced, sorted."""
        columns = forecasts.c
        query = sa.select(columns.ticker, columns.as_of).where(columns.run_id == run_id).distinct()
        rows = self._conn.execute(query.order_by(columns.ticker, columns.as_of))
        return [(row.ticker, row.as_of) for row in rows]

    def quality(self, ticker: str, as_of: date) -> str:
        """The rung of the ladder that made a stored forecast."""
        query = sa.select(forecasts.c.quality).where(_of(forecasts, ticker, as_of))
        return str(self._conn.scalars(query.limit(1)).one())

    def holds(self, run: RunRecord, forecast: Forecast) -> bool:
        """Whether every row of a forecast is stored with the same values, to the last bit."""
        draft = _Draft(forecast, forecast_rows(run, forecast), quantile_rows(forecast))
        return self._fate(draft, replace=True) == "unchanged"

    def latest(self, tickers: Sequence[str] | None = None, until: date | None = None) -> pd.DataFrame:
        """The newest forecast of each ticker, in the columns of view `latest_forecast`.

        Args:
            tickers: Which, None for all.
            until: The newest up to this session, None for the newest of all.
        """
        columns = (forecasts.c[column.name] for column in latest_forecast.c)
        query = _newest(sa.select(*columns), tickers, until)
        return frame(self._conn, query.order_by(forecasts.c.ticker, forecasts.c.horizon))

    def newest(
        self, tickers: Sequence[str] | None = None, until: date | None = None
    ) -> list[tuple[str, date, str]]:
        """Ticker, `as_of` and price source of the forecasts that `latest` returns, sorted."""
        query = sa.select(forecasts.c.ticker, forecasts.c.as_of, forecast_runs.c.source).join(
            forecast_runs, forecast_runs.c.run_id == forecasts.c.run_id
        )
        first = _newest(query, tickers, until).where(forecasts.c.horizon == 1)
        return [tuple(row) for row in self._conn.execute(first.order_by(forecasts.c.ticker))]

    def bands(self, ticker: str, as_of: date) -> pd.DataFrame:
        """All quantiles of one forecast, long, as in the table."""
        columns = forecast_quantiles.c
        query = sa.select(forecast_quantiles).where(_of(forecast_quantiles, ticker, as_of))
        return frame(self._conn, query.order_by(columns.band, columns.horizon, columns.level))

    def quarantine(self, records: Sequence[Quarantine]) -> None:
        """Note tickers that were left out; `seen_at` stays where reason and detail are the same."""
        upsert(self._conn, quarantines, [asdict(record) for record in records], guarded=("reason", "detail"))

    def clear(self, source: str, as_of: date, tickers: Sequence[str]) -> None:
        """Take back the quarantine of tickers that went through after all."""
        columns = quarantines.c
        mine = (columns.source == source) & (columns.as_of == as_of) & columns.ticker.in_(tickers)
        self._conn.execute(sa.delete(quarantines).where(mine))

    def quarantined(self, as_of: date, source: str) -> list[Quarantine]:
        """The tickers left out of a day's run, sorted."""
        columns = quarantines.c
        query = sa.select(quarantines).where((columns.source == source) & (columns.as_of == as_of))
        return [Quarantine(**row) for row in self._conn.execute(query.order_by(columns.ticker)).mappings()]

    def newest_quarantines(self, source: str) -> list[Quarantine]:
        """The newest quarantine of every ticker that ever had one, sorted."""
        columns = quarantines.c
        newest = (
            sa.select(columns.ticker, sa.func.max(columns.as_of).label("as_of"))
            .where(columns.source == source)
            .group_by(columns.ticker)
            .subquery()
        )
        same = (columns.ticker == newest.c.ticker) & (columns.as_of == newest.c.as_of)
        query = sa.select(quarantines).join(newest, same).where(columns.source == source)
        return [Quarantine(**row) for row in self._conn.execute(query.order_by(columns.ticker)).mappings()]

    def last_reasons(self, source: str, ticker: str, before: date, count: int) -> list[tuple[date, str]]:
        """Session and reason of the newest quarantines of a ticker before a session, the newest first."""
        columns = quarantines.c
        mine = (columns.source == source) & (columns.ticker == ticker) & (columns.as_of < before)
        query = sa.select(columns.as_of, columns.reason).where(mine).order_by(columns.as_of.desc())
        return [(row.as_of, row.reason) for row in self._conn.execute(query.limit(count))]

    def _fate(self, draft: _Draft, replace: bool) -> str:
        stored = _said(self._stored(forecasts, draft))
        if not stored:
            return "new"
        if stored == _said(draft.rows) and _said(self._stored(forecast_quantiles, draft)) == _said(
            draft.quantiles
        ):
            return "unchanged"
        return "replaced" if replace else "kept"

    def _stored(self, table: sa.Table, draft: _Draft) -> Iterable[Mapping[str, object]]:
        query = sa.select(table).where(draft.of(table))
        return (dict(row) for row in self._conn.execute(query).mappings())


def _of(table: sa.Table, ticker: str, as_of: date) -> sa.ColumnElement[bool]:
    return (table.c.ticker == ticker) & (table.c.as_of == as_of)


def _newest(
    query: sa.Select[tuple[Any, ...]], tickers: Sequence[str] | None, until: date | None
) -> sa.Select[tuple[Any, ...]]:
    """The rows of `forecasts` that belong to each ticker's newest `as_of`."""
    other = forecasts.alias("other")
    newest = sa.select(sa.func.max(other.c.as_of)).where(other.c.ticker == forecasts.c.ticker)
    if until is not None:
        newest = newest.where(other.c.as_of <= until)
    kept = query.where(forecasts.c.as_of == newest.scalar_subquery())
    return kept if tickers is None else kept.where(forecasts.c.ticker.in_(tickers))


def _said(rows: Iterable[Mapping[str, object]]) -> set[frozenset[tuple[str, object]]]:
    return {frozenset(item for item in row.items() if item[0] not in _WHEN_NOT_WHAT) for row in rows}


def _report(tickers: Sequence[str], fates: Sequence[str]) -> PublishReport:
    groups: dict[str, list[str]] = {}
    for ticker, fate in zip(tickers, fates, strict=True):
        groups.setdefault(fate, []).append(ticker)
    return PublishReport(**{fate: tuple(group) for fate, group in groups.items()})
