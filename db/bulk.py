"""Insertion of many rows: converted ahead of the transaction, then handed to the driver as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.sql import Plain

CHUNK_ROWS = 50_000


@dataclass(frozen=True)
class Batch:
    """Rows that are ready for the driver of one database.

    Attributes:
        statement: The insertion, in the driver's own form.
        parameters: SQLite: tuples of values, one a row. PostgreSQL: tuples of lists, one list a column, one
            tuple a statement. Empty where there are no rows.
    """

    statement: str
    parameters: Sequence[tuple[Any, ...]]


def prepare_batch(dialect: sa.Dialect, table: sa.Table, rows: Sequence[Mapping[str, Plain]]) -> Batch:
    """Convert plain rows to what the driver takes; nothing is written.

    Args:
        dialect: Of the database.
        table: Table to write to.
        rows: By the Python names (`key`) of the columns, all with the same ones.
    """
    columns = [table.c[name] for name in rows[0]] if rows else []
    names = ", ".join(column.name for column in columns)
    values = [_convert(dialect, column, [row[column.key] for row in rows]) for column in columns]
    if dialect.name == "postgresql":
        # One statement for many rows: row by row, the round trips take longer than the work.
        arrays = ", ".join(f"%s::{column.type.compile(dialect)}[]" for column in columns)
        statement = f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608  # our names
        starts = range(0, len(rows), CHUNK_ROWS)
        return Batch(
            statement, [tuple(column[start : start + CHUNK_ROWS] for column in values) for start in starts]
        )
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608  # as above
    return Batch(statement, list(zip(*values, strict=True)))


def insert_batch(connection: sa.Connection, batch: Batch) -> None:
    """Insert prepared rows, whose keys are not stored yet, on a writing connection."""
    if connection.dialect.name == "postgresql":
        for arrays in batch.parameters:
            connection.exec_driver_sql(batch.statement, arrays)
    elif batch.parameters:
        connection.exec_driver_sql(batch.statement, list(batch.parameters))


def _convert(dialect: sa.Dialect, column: sa.Column[Any], values: list[Plain]) -> list[Any]:
    """Return the values of a column as the driver takes them; most need no conversion, and cost no call."""
    convert = column.type.dialect_impl(dialect).bind_processor(dialect)
    return values if convert is None else [convert(value) for value in values]
