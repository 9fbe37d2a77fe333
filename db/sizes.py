"""Sizes of a store on disk."""

from dataclasses import dataclass

import sqlalchemy as sa

from db.engine import open_engine, reading
from db.schema import metadata
from forecasting.errors import NoStoreError

_OF_SQLITE = (
    "SELECT m.tbl_name, SUM(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name "
    "WHERE s.aggregate = 1 GROUP BY m.tbl_name"
)
_OF_POSTGRES = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'"


@dataclass(frozen=True)
class StoreSize:
    """Bytes of a store.

    Attributes:
        total: Of the database.
        free: Of it, without rows: SQLite fills them before its file grows.
        tables: Table -> its bytes with those of its indexes, the largest first; empty where the installed
            SQLite does not count them.
    """

    total: int
    free: int
    tables: dict[str, int]


def measure_store(url: str) -> StoreSize | None:
    """Measure a database, table by table; None where there is none.

    Raises:
        DatabaseUnreachableError: The database does not answer.
    """
    try:
        engine = open_engine(url, read_only=True)
    except NoStoreError:
        return None
    try:
        with reading(engine) as connection:
            if connection.dialect.name == "postgresql":
                total = connection.scalar(sa.text("SELECT pg_database_size(current_database())"))
                return StoreSize(int(total or 0), 0, _sort(connection, _OF_POSTGRES))
            pages, free, size = (
                int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
                for name in ("page_count", "freelist_count", "page_size")
            )
            counts = connection.scalar(sa.text("SELECT sqlite_compileoption_used('ENABLE_DBSTAT_VTAB')"))
            tables = _sort(connection, _OF_SQLITE) if counts else {}
            return StoreSize(pages * size, free * size, tables)
    finally:
        engine.dispose()


def _sort(connection: sa.Connection, query: str) -> dict[str, int]:
    rows = connection.execute(sa.text(query)).tuples()
    ours = [(name, int(size)) for name, size in rows if name in metadata.tables]
    return dict(sorted(ours, key=lambda item: -item[1]))
