"""Writes that both databases understand, of values that both databases store alike."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from forecasting.errors import StoreError

Plain: TypeAlias = "bool | int | float | str | bytes | date | datetime | dict[str, Plain] | None"
Row: TypeAlias = dict[str, Plain]

_AS_THEY_ARE = (str, bytes, bool, int, date, datetime, type(None))


def plain(value: object) -> Plain:
    """A value as plain Python, the one form that both drivers store alike.

    SQLite stores `np.int64(7)` as eight raw bytes and NaN as NULL; PostgreSQL stores NaN as a number that is
    greater than all others.

    Args:
        value: A Python, numpy or pandas scalar, or a mapping of such.

    Returns:
        The value; None for NaN, NaT and NA; a date for a pandas or numpy timestamp without zone at midnight.

    Raises:
        StoreError: The value is infinite, or of a kind that no column holds.

    Examples:
        >>> plain(np.int64(7)), plain(np.float64("nan")), plain(pd.Timestamp("2024-01-02"))
        (7, None, datetime.date(2024, 1, 2))
    """
    if type(value) in _AS_THEY_ARE:
        return value  # type: ignore[return-value]  # mypy cannot follow `type(value) in`
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, (pd.Timestamp, np.datetime64)):
        return _plain_timestamp(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return _plain_number(value.item() if isinstance(value, np.generic) else value)


def plain_rows(rows: Iterable[Mapping[str, object]]) -> list[Row]:
    """Rows of plain values.

    Raises:
        StoreError: A value is infinite, or of a kind that no column holds.
    """
    return [{name: plain(value) for name, value in row.items()} for row in rows]


def insert(conn: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, object]]) -> None:
    """Add rows that are not there yet.

    Raises:
        StoreError: A value is infinite, or of a kind that no column holds.
    """
    if ready := plain_rows(rows):
        conn.execute(sa.insert(table), ready)


def upsert(
    conn: sa.Connection, table: sa.Table, rows: Iterable[Mapping[str, object]], guarded: Sequence[str]
) -> None:
    """Add rows; where the primary key is taken, update the row if a guarded column differs, else leave it.

    Args:
        conn: A writing connection.
        table: Where to.
        rows: All with the same columns.
        guarded: The columns whose difference counts. With none, rows that are there are never updated.

    Raises:
        StoreError: A value is infinite, or of a kind that no column holds.
    """
    ready = plain_rows(rows)
    if not ready:
        return
    postgres = conn.dialect.name == "postgresql"
    statement = postgresql.insert(table) if postgres else sqlite.insert(table)
    keys = [column.name for column in table.primary_key]
    if not guarded:
        conn.execute(statement.on_conflict_do_nothing(index_elements=keys), ready)
        return
    offered = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: offered[name] for name in ready[0] if name not in keys},
        where=sa.or_(*(table.c[name].is_distinct_from(offered[name]) for name in guarded)),
    )
    conn.execute(statement, ready)


def _plain_timestamp(value: pd.Timestamp | np.datetime64) -> Plain:
    if pd.isna(value):
        return None
    try:
        instant: datetime = pd.Timestamp(value).to_pydatetime(warn=False)  # no column holds nanoseconds
    except (NotImplementedError, OverflowError, ValueError):
        raise _no_column_holds(value) from None
    midnight = instant.tzinfo is None and instant.time() == time()
    return instant.date() if midnight else instant


def _plain_number(value: object) -> Plain:
    if isinstance(value, float) and not math.isinf(value):
        return None if math.isnan(value) else value
    if type(value) in _AS_THEY_ARE:
        return value  # type: ignore[return-value]  # mypy cannot follow `type(value) in`
    raise _no_column_holds(value)


def _no_column_holds(value: object) -> StoreError:
    return StoreError(
        f"Expected a finite number, text, date or bytes to store, found {value!r} ({type(value).__name__}); "
        "this is a bug, please report it."
    )


def frame(conn: sa.Connection, query: sa.Select[tuple[Any, ...]], **parameters: object) -> pd.DataFrame:
    """A column each, named as in the query."""
    result = conn.execute(query, parameters)
    # Plain tuples: pandas asks each row whether it is a dataclass, and SQLAlchemy's own take long to say no.
    return pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()))
