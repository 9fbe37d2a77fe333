"""Statements that both databases understand, with values that both databases store alike."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime, time
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from forecasting.errors import StoreError

Plain: TypeAlias = "bool | int | float | str | bytes | date | datetime | dict[str, Plain] | None"
Row: TypeAlias = dict[str, Plain]

RTOL, ATOL = 1e-9, 1e-12  # within which two numbers are the same but for rounding
_PLAIN_TYPES = (str, bytes, bool, int, date, datetime, type(None))


def to_plain(value: object) -> Plain:
    """Convert a value to plain Python, the one form that both drivers store alike.

    SQLite stores `np.int64(7)` as eight raw bytes and NaN as NULL; PostgreSQL stores NaN as a number that is
    greater than all others.

    Args:
        value: A Python, numpy or pandas scalar, or a mapping of such.

    Returns:
        The value; None for NaN, NaT and NA; a date for a pandas or numpy timestamp without zone at midnight.

    Raises:
        StoreError: The value is infinite, or of a kind that no column holds.

    Examples:
        >>> to_plain(np.int64(7)), to_plain(np.float64("nan")), to_plain(pd.Timestamp("2024-01-02"))
        (7, None, datetime.date(2024, 1, 2))
    """
    if type(value) in _PLAIN_TYPES:
        return value  # type: ignore[return-value]  # mypy cannot follow `type(value) in`
    if type(value) is float:  # by far the most, of a run's quantiles
        return _convert_number(value)
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, (pd.Timestamp, np.datetime64)):
        return _convert_timestamp(value)
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    return _convert_number(value.item() if isinstance(value, np.generic) else value)


def to_plain_rows(rows: Iterable[Mapping[str, object]]) -> list[Row]:
    """Convert the values of rows to plain Python.

    Raises:
        StoreError: A value is infinite, or of a kind that no column holds.
    """
    return [{name: to_plain(value) for name, value in row.items()} for row in rows]


def insert(connection: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, object]]) -> None:
    """Insert rows whose keys are not stored yet.

    Args:
        connection: A writing connection.
        table: Table to write to.
        rows: By the Python names (`key`) of the columns.

    Raises:
        StoreError: A value is infinite, or of a kind that no column holds.
    """
    if plain := to_plain_rows(rows):
        connection.execute(sa.insert(table), plain)


def is_distinct(stored: Any, offered: Any) -> sa.ColumnElement[bool]:
    """Build the condition that two values differ in any bit, or that one alone is missing."""
    distinct: sa.ColumnElement[bool] = stored.is_distinct_from(offered)
    return distinct


def differs_beyond_rounding(stored: Any, offered: Any) -> sa.ColumnElement[bool]:
    """Build the condition that two values differ, numbers by more than rounding, or that one is missing.

    Another release or library works out the last digits of a score in another way, which changes nothing.
    """
    if not isinstance(stored.type, sa.Float):
        return is_distinct(stored, offered)
    is_far = sa.func.abs(stored - offered) > RTOL * sa.func.abs(stored) + ATOL
    return is_distinct(stored, offered) & sa.func.coalesce(is_far, sa.true())


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Iterable[Mapping[str, object]],
    *,
    guarded: Sequence[str],
    differs: Callable[[Any, Any], sa.ColumnElement[bool]] = is_distinct,
) -> None:
    """Insert rows; where the primary key is stored, update the row if a guarded column differs.

    Args:
        connection: A writing connection.
        table: Table to write to.
        rows: By the Python names (`key`) of the columns, all with the same ones.
        guarded: Columns whose difference counts. With none, stored rows are never updated.
        differs: Builds the condition that a stored and an offered value differ.

    Raises:
        StoreError: A value is infinite, or of a kind that no column holds.
    """
    plain = to_plain_rows(rows)
    if not plain:
        return
    statement = start_insert(connection, table)
    key = list(table.primary_key)
    if not guarded:
        connection.execute(statement.on_conflict_do_nothing(index_elements=key), plain)
        return
    offered = statement.excluded
    key_names = {column.key for column in key}
    statement = statement.on_conflict_do_update(
        index_elements=key,
        set_={name: offered[name] for name in plain[0] if name not in key_names},
        where=sa.or_(*(differs(table.c[name], offered[name]) for name in guarded)),
    )
    connection.execute(statement, plain)


def start_insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Build an INSERT that takes an ON CONFLICT clause."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def _convert_timestamp(value: pd.Timestamp | np.datetime64) -> Plain:
    if pd.isna(value):
        return None
    try:
        instant: datetime = pd.Timestamp(value).to_pydatetime(warn=False)  # no column holds nanoseconds
    except (NotImplementedError, OverflowError, ValueError):
        raise _unstorable(value) from None
    midnight = instant.tzinfo is None and instant.time() == time()
    return instant.date() if midnight else instant


def _convert_number(value: object) -> Plain:
    if isinstance(value, float) and not math.isinf(value):
        return None if math.isnan(value) else value
    if type(value) in _PLAIN_TYPES:
        return value  # type: ignore[return-value]  # mypy cannot follow `type(value) in`
    raise _unstorable(value)


def _unstorable(value: object) -> StoreError:
    return StoreError(
        f"Expected a finite number, text, date or bytes to store, found {value!r} ({type(value).__name__}); "
        "this is a bug, please report it."
    )


def record_columns(table: sa.Table, record: type) -> list[sa.Label[Any]]:
    """Select the columns of a table that a record has, under the record's names."""
    return [table.c[field.name].label(field.name) for field in fields(record)]


def read_frame(
    connection: sa.Connection, query: sa.Select[tuple[Any, ...]], **parameters: object
) -> pd.DataFrame:
    """Run a query; the frame's columns are named as in the query."""
    result = connection.execute(query, parameters)
    # Plain tuples: pandas checks each row for a dataclass, which is slow for SQLAlchemy's rows.
    return pd.DataFrame([tuple(row) for row in result.all()], columns=list(result.keys()))


def select_tickers(table: sa.Table, source: str) -> sa.Select[tuple[str]]:
    """Select every ticker of a source in a table whose key begins with source and ticker.

    One look into the key a ticker, however many rows each has: DISTINCT would walk through them all, as would
    a condition on sessions alone.
    """
    rows = table.alias(f"{table.name}_tickers").c
    smallest = sa.select(sa.func.min(rows.ticker).label("ticker")).where(rows.source == source)
    first = smallest.cte(f"{table.name}_by_ticker", recursive=True, nesting=True)
    following = smallest.where(rows.ticker > first.c.ticker).scalar_subquery()
    every = first.union_all(sa.select(following).where(first.c.ticker.is_not(None)))
    return sa.select(every.c.ticker).where(every.c.ticker.is_not(None))
