"""Editions of live forecasts, as rows and as conditions of queries."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from db.bulk import Batch, Rows, prepare_batch
from db.records import TickerSession
from db.repositories.forecast_rows import ForecastRows, collect_values
from db.schema import edition_quantiles, forecast_editions, forecast_quantiles, forecasts
from db.schema.base import FORECAST_ROW
from db.schema.quantiles import LOG_RETURNS, PRICES, SERVED_BAND
from db.sql import Row, read_frame

FIRST_EDITION = 1
_FORECAST = ("source", "ticker", "as_of")


def prepare_editions(
    dialect: sa.Dialect, issued: Sequence[ForecastRows], editions: Mapping[TickerSession, int]
) -> tuple[Batch, ...]:
    """Convert forecasts to rows of the two tables of editions; those without one are left out.

    Args:
        dialect: Of the database.
        issued: As rows of the first edition.
        editions: Ticker and `as_of` -> the edition to add.
    """
    added = [(rows, editions[rows.key]) for rows in issued if rows.key in editions]
    bands = [build_edition_rows(rows, edition) for rows, edition in added]
    quantiles = [build_edition_quantiles(rows, edition) for rows, edition in added]
    return (
        prepare_batch(dialect, forecast_editions, bands),
        prepare_batch(dialect, edition_quantiles, quantiles),
    )


def build_edition_rows(rows: ForecastRows, edition: int) -> Rows:
    """Build the rows of table `forecast_editions`, one per horizon."""
    return Rows((*rows.horizons.columns, "edition"), [(*row, edition) for row in rows.horizons.tuples])


def build_edition_quantiles(rows: ForecastRows, edition: int) -> Rows:
    """Build the rows of table `edition_quantiles`, which keeps the calibrated band alone."""
    pairs = zip(rows.calibrated.name_values(), rows.horizons.name_values(), strict=True)
    values = [
        (
            *(row[name] for name in FORECAST_ROW),
            forecast["horizon"],
            edition,
            level,
            row[LOG_RETURNS[level]],
            row[PRICES[level]],
        )
        for row, forecast in pairs
        for level in LOG_RETURNS
        if row[LOG_RETURNS[level]] is not None
    ]
    return Rows((*FORECAST_ROW, "horizon", "edition", "level", "log_return", "price"), values)


def is_edition_stored(connection: sa.Connection, source: str, rows: ForecastRows, *, edition: int) -> bool:
    """Return whether every row of an edition is stored with the values of a forecast, to the last bit."""

    def load(table: sa.Table) -> list[Row]:
        query = sa.select(table).where(_is_edition(table, source, rows.key, edition=edition))
        return [dict(row) for row in connection.execute(query).mappings()]

    bands = build_edition_rows(rows, edition).name_values()
    if collect_values(load(forecast_editions)) != collect_values(bands):
        return False
    stored = load(edition_quantiles)
    levels = {row["level"] for row in stored}  # an earlier release has kept fewer
    quantiles = build_edition_quantiles(rows, edition).name_values()
    comparable = (row for row in quantiles if row["level"] in levels)
    return collect_values(stored) == collect_values(comparable)


def find_newest_edition(
    connection: sa.Connection, source: str, forecast: TickerSession, *, run_id: str | None = None
) -> int | None:
    """Find the newest edition that a reissue, or one run alone, has added to a forecast; None without any."""
    row = forecast_editions.c
    query = sa.select(sa.func.max(row.edition)).where(_is_of(forecast_editions, source, forecast))
    newest: int | None = connection.scalar(query if run_id is None else query.where(row.run_id == run_id))
    return newest


def has_editions(connection: sa.Connection, run_id: str) -> bool:
    """Return whether a run has added editions, which stay as they are."""
    query = sa.exists().where(forecast_editions.c.run_id == run_id).select()
    return bool(connection.scalar(query))


def select_of_run(run_id: str, *names: str) -> sa.CompoundSelect[Any]:
    """Select the distinct values of some columns of a run's bands, of the first edition and of later ones."""
    tables = (forecasts, forecast_editions)
    return sa.union(
        *(sa.select(*(table.c[name] for name in names)).where(table.c.run_id == run_id) for table in tables)
    )


def load_edition_quantiles(
    connection: sa.Connection, source: str, forecast: TickerSession, *, edition: int
) -> pd.DataFrame:
    """Load the quantiles of an edition, long, in the columns of `forecast_quantiles`."""
    band, row = sa.literal(SERVED_BAND).label("band"), edition_quantiles.c
    columns = (band if column.name == "band" else row[column.name] for column in forecast_quantiles.c)
    query = sa.select(*columns).where(_is_edition(edition_quantiles, source, forecast, edition=edition))
    return read_frame(connection, query.order_by(row.horizon, row.level))


def select_newest_edition(forecast: sa.FromClause) -> sa.ScalarSelect[int]:
    """Select the newest edition that a reissue has added to a forecast, null without any.

    Args:
        forecast: Of the outer query, with the columns `source`, `ticker` and `as_of`.
    """
    other = forecast_editions.alias("newest_edition").c
    is_same = sa.and_(*(other[name] == forecast.c[name] for name in _FORECAST))
    newest = sa.select(sa.func.max(other.edition)).where(is_same)
    return newest.correlate(forecast).scalar_subquery()


def _is_edition(
    table: sa.Table, source: str, forecast: TickerSession, *, edition: int
) -> sa.ColumnElement[bool]:
    return _is_of(table, source, forecast) & (table.c.edition == edition)


def _is_of(table: sa.Table, source: str, forecast: TickerSession) -> sa.ColumnElement[bool]:
    ticker, as_of = forecast
    return (table.c.source == source) & (table.c.ticker == ticker) & (table.c.as_of == as_of)
