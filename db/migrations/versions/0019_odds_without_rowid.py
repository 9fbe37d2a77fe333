"""Keep odds and their outcomes once on SQLite, in the order of their key, not in a table and its index."""

from alembic import op

from db.migrations.condition_views import (
    ALL_DRAWDOWNS_BY_LEVEL_13,
    ALL_TOUCHES_BY_TENTH_13,
    DRAWDOWNS_BY_LEVEL_13,
    TOUCHES_BY_TENTH_13,
)
from forecasting.errors import StoreError

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_KEYS = {
    "path_odds": "source, ticker, as_of, horizon, statistic, level",
    "path_outcomes": "source, ticker, as_of, horizon",
}
_READERS = {  # a view on another one follows it
    "all_touches_by_tenth": ALL_TOUCHES_BY_TENTH_13,
    "touches_by_tenth": TOUCHES_BY_TENTH_13,
    "all_drawdowns_by_level": ALL_DRAWDOWNS_BY_LEVEL_13,
    "drawdowns_by_level": DRAWDOWNS_BY_LEVEL_13,
}
_END = "WITHOUT ROWID"


def upgrade() -> None:
    _rebuild(_END)


def downgrade() -> None:
    _rebuild("")


def _rebuild(end: str) -> None:
    """Make the tables anew from their own statements; PostgreSQL keeps tables and keys apart in any case."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        return
    for view in reversed(_READERS):
        op.execute(f"DROP VIEW {view}")
    for table, key in _KEYS.items():
        statement = connection.exec_driver_sql(
            f"SELECT sql FROM sqlite_master WHERE name = '{table}'"
        ).scalar()
        body = str(statement).partition("(")[2].rstrip().removesuffix(_END).rstrip()
        if not body.endswith(")"):
            raise StoreError(
                f"Expected the table {table} as its migrations made it, found another; restore it."
            )
        op.execute(f"CREATE TABLE new_{table} ({body} {end}")
        op.execute(f"INSERT INTO new_{table} SELECT * FROM {table} ORDER BY {key}")
        op.execute(f"DROP TABLE {table}")
        op.execute(f"ALTER TABLE new_{table} RENAME TO {table}")
    for text in _READERS.values():
        op.execute(text)
