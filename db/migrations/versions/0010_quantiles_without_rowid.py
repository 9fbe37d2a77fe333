"""Keep the quantiles once on SQLite, in the order of their key, instead of in a table and in its index."""

import sqlalchemy as sa
from alembic import op

from forecasting.errors import StoreError

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLE, _END = "forecast_quantiles", "WITHOUT ROWID"


def upgrade() -> None:
    _rebuild(_END)


def downgrade() -> None:
    _rebuild("")


def _rebuild(end: str) -> None:
    """Make the table anew from its own statement, whatever columns later migrations have given it."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":  # whose tables and keys lie apart in any case
        return
    views = _read("SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY rowid")
    indexes = _read(f"SELECT name, sql FROM sqlite_master WHERE tbl_name = '{_TABLE}' AND type = 'index'")
    ((_, statement),) = _read(f"SELECT name, sql FROM sqlite_master WHERE name = '{_TABLE}'")
    body = str(statement).partition("(")[2].rstrip().removesuffix(_END).rstrip()
    if not body.endswith(")"):
        raise StoreError(f"Expected the table {_TABLE} as its migrations made it, found another; restore it.")
    for view, _ in reversed(views):
        op.execute(f"DROP VIEW {view}")
    op.execute(f"CREATE TABLE new_quantiles ({body} {end}")
    op.execute(f"INSERT INTO new_quantiles SELECT * FROM {_TABLE} ORDER BY source, ticker, as_of")
    op.execute(f"DROP TABLE {_TABLE}")
    op.execute(f"ALTER TABLE new_quantiles RENAME TO {_TABLE}")
    for _, text in [*indexes, *views]:
        if text:
            op.execute(sa.text(text.replace(":", "\\:")))


def _read(query: str) -> list[tuple[str, str]]:
    return [tuple(row) for row in op.get_bind().exec_driver_sql(query)]
