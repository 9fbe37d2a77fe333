"""Stores that earlier releases wrote, dumped as SQL by tests/fixtures/make_store.py."""

import gzip
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from shown_rows import SHOWN

from db import inspect_store
from db.engine import open_engine, reading, writing
from db.migrate import upgrade

Rows = dict[str, list[dict[str, Any]]]

DUMPS = sorted((Path(__file__).parents[1] / "fixtures" / "stores").glob("*.sql.gz"))


def load_dump(dump: Path, path: Path) -> str:
    """Make a SQLite file of a dump; its URL."""
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(gzip.decompress(dump.read_bytes()).decode())
    return f"sqlite:///{path}"


def copy_to(url: str, sqlite_url: str) -> str:
    """Copy every row into an empty database of the same revision."""
    source, target = open_engine(sqlite_url), open_engine(url)
    upgrade(target, str(inspect_store(sqlite_url).migration))
    tables = sa.MetaData()
    tables.reflect(target)
    rows = read_rows(source)
    with writing(target) as connection:
        for table in tables.sorted_tables:
            if table.name != "alembic_version" and rows[table.name]:
                connection.execute(sa.insert(table), rows[table.name])
    source.dispose()
    target.dispose()
    return url


def read_rows(engine: sa.Engine) -> Rows:
    """Read every row of every table, and of those that are views by now, by the names in the database."""
    tables = sa.MetaData()
    tables.reflect(engine)
    views = {name: SHOWN[name] for name in sa.inspect(engine).get_view_names() if name in SHOWN}
    with reading(engine) as connection:
        return {
            name: [
                {name: as_utc(value) for name, value in row.items()}
                for row in connection.execute(sa.select(table)).mappings()
            ]
            for name, table in {**tables.tables, **views}.items()
        }


def as_utc(value: object) -> object:
    """Attach the zone that SQLite drops."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


def sort_columns(rows: list[dict[str, Any]], names: list[str]) -> list[tuple[Any, ...]]:
    """Return some columns, sorted; the last bits of a number in a dump depend on the release of SQLite."""
    return sorted((tuple(_drop_last_digits(row[name]) for name in names) for row in rows), key=str)


def _drop_last_digits(value: Any) -> Any:
    return float(f"{value:.12g}") if isinstance(value, float) else value


def holds(found: Rows, expected: Rows) -> bool:
    """Compare rows in the tables and columns that are expected."""
    return all(
        sort_columns(found[table], list(rows[0])) == sort_columns(rows, list(rows[0]))
        for table, rows in expected.items()
    )
