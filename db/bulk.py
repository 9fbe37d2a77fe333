"""Insertion of many rows: converted ahead of the transaction, then handed to the driver as they are."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.sql import Plain, Row

_COPIES = "psycopg"  # the driver that has COPY with rows of Python values


@dataclass(frozen=True)
class Rows:
    """Rows of one table, without the names repeated in each.

    Attributes:
        columns: By the Python names (`key`) of the table's columns.
        tuples: Values, in their order, of each row.
    """

    columns: tuple[str, ...]
    tuples: Sequence[tuple[Plain, ...]]

    def name_values(self) -> list[Row]:
        """Return each row with the names of its columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.tuples]


@dataclass(frozen=True)
class Batch:
    """Rows that are ready for the driver of one database.

    Attributes:
        statement: The insertion, in the driver's own form.
        types: PostgreSQL: types of the columns. Otherwise none.
        parameters: Values, one a column, of each row; empty where there are no rows.
    """

    statement: str
    types: tuple[str, ...]
    parameters: Sequence[tuple[Any, ...]]


def prepare_batch(dialect: sa.Dialect, table: sa.Table, parts: Sequence[Rows]) -> Batch:
    """Convert plain rows to what the driver takes; nothing is written.

    Args:
        dialect: Of the database.
        table: Table to write to.
        parts: Rows of it, all with the same columns.
    """
    columns = [table.c[name] for name in parts[0].columns] if parts else []
    names = ", ".join(column.name for column in columns)
    rows = _convert(dialect, columns, [row for part in parts for row in part.tuples])
    if dialect.driver == _COPIES:
        types = tuple(str(column.type.compile(dialect)).lower() for column in columns)
        return Batch(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)", types, rows)
    marks = ", ".join(["%s" if dialect.name == "postgresql" else "?"] * len(columns))
    return Batch(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", (), rows)  # noqa: S608  # our names


def insert_batch(connection: sa.Connection, batch: Batch) -> None:
    """Insert prepared rows, whose keys are not stored yet, on a writing connection."""
    if not batch.parameters:
        return
    if batch.types:
        _copy(connection, batch)
    else:
        connection.exec_driver_sql(batch.statement, batch.parameters)


def _convert(
    dialect: sa.Dialect, columns: Sequence[sa.Column[Any]], rows: list[tuple[Plain, ...]]
) -> list[tuple[Any, ...]]:
    """Return rows as the driver takes them; numbers and texts need no conversion."""
    processors = [
        None
        if isinstance(column.type, sa.Numeric)
        else column.type.dialect_impl(dialect).bind_processor(dialect)
        for column in columns
    ]
    if not rows or not any(processors):
        return rows
    values: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for index, processor in enumerate(processors):
        if processor:
            convert = functools.cache(processor)  # days and times recur in thousands of rows
            values[index] = [convert(value) for value in values[index]]
    return list(zip(*values, strict=True))


def _copy(connection: sa.Connection, batch: Batch) -> None:
    """Write rows with PostgreSQL's COPY; an error of the driver is raised as SQLAlchemy raises its own."""
    dialect, proxied = connection.dialect, connection.connection
    driver: Any = dialect.dbapi
    opened: Any = proxied.cursor()
    try:
        with opened as cursor, cursor.copy(batch.statement) as copy:
            copy.set_types(batch.types)
            for row in batch.parameters:
                copy.write_row(row)
    except driver.Error as error:
        raise sa.exc.DBAPIError.instance(
            batch.statement,
            None,
            error,
            driver.Error,
            connection_invalidated=dialect.is_disconnect(error, proxied, None),
            dialect=dialect,
        ) from error
