"""Meaning of each table, view and column: for docs/consuming.md, and as comments in PostgreSQL."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from db.schema import metadata
from db.schema.contract import COLUMN_MEANINGS, VIEW_MEANINGS


@dataclass(frozen=True)
class Description:
    """Meaning of one table or view.

    Attributes:
        kind: Which of both.
        name: In SQL.
        meaning: Of a row, without a full stop.
        columns: Column -> its meaning, with the unit, in their order.
    """

    kind: Literal["view", "table"]
    name: str
    meaning: str
    columns: Mapping[str, str]


def describe_views() -> tuple[Description, ...]:
    """Describe the views, the most used first."""
    return tuple(
        Description("view", name, meaning, COLUMN_MEANINGS[name]) for name, meaning in VIEW_MEANINGS.items()
    )


def describe_tables() -> tuple[Description, ...]:
    """Describe the tables in the order of their names."""
    return tuple(
        Description(
            "table",
            table.name,
            table.comment or "",
            {column.name: column.comment or "" for column in table.columns},
        )
        for table in sorted(metadata.tables.values(), key=lambda table: table.name)
    )


def comment_schema(connection: sa.Connection) -> None:
    """Write every meaning into a PostgreSQL database; SQLite has no comments.

    It is done after the migrations, whose own texts are history.

    Args:
        connection: A writing connection to a database of this release's schema.
    """
    if connection.dialect.name != "postgresql":
        return
    for description in (*describe_views(), *describe_tables()):
        for statement in _build_comments(description):
            connection.exec_driver_sql(statement)


def _build_comments(description: Description) -> Iterator[str]:
    name = description.name
    yield f"COMMENT ON {description.kind.upper()} {name} IS {_quote(description.meaning)}"
    for column, text in description.columns.items():
        yield f"COMMENT ON COLUMN {name}.{column} IS {_quote(text)}"


def _quote(text: str) -> str:
    """Quote a text as SQL; a percent sign would be a parameter of the driver."""
    escaped = text.replace("'", "''").replace("%", "%%")
    return f"'{escaped}'"
