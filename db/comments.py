"""Comments on the views: PostgreSQL shows them to whoever looks at the database."""

import sqlalchemy as sa

from db.schema.contract import COLUMN_MEANINGS, VIEW_MEANINGS


def comment_views(connection: sa.Connection) -> None:
    """Write the meaning of each view and column into a PostgreSQL database; SQLite has no comments.

    Args:
        connection: A writing connection to a database of this release's schema.
    """
    if connection.dialect.name != "postgresql":
        return
    for view, meaning in VIEW_MEANINGS.items():
        connection.exec_driver_sql(f"COMMENT ON VIEW {view} IS {_quote(meaning)}")
        for column, text in COLUMN_MEANINGS[view].items():
            connection.exec_driver_sql(f"COMMENT ON COLUMN {view}.{column} IS {_quote(text)}")


def _quote(text: str) -> str:
    """Quote a text of the contract as SQL; a percent sign would be a parameter of the driver."""
    escaped = text.replace("'", "''").replace("%", "%%")
    return f"'{escaped}'"
