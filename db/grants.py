"""Rights of other roles of a PostgreSQL server to read the store."""

import sqlalchemy as sa

from db.engine import open_engine, writing
from db.faults import read_sqlstate
from db.migrate import require_readable
from forecasting.errors import UsageError

_NO_SUCH_ROLE = "42704"


def grant_reader(url: str, role: str) -> None:
    """Let a role of the server read every table and view, those that later releases create included.

    Args:
        url: Of the store, as the user that owns its tables.
        role: Name of the role, to the letter.

    Raises:
        UsageError: The store is a SQLite file, or the server has no such role.
        NoStoreError: The database is empty.
        DatabaseFaultError: The user may not grant it.
    """
    engine = open_engine(url, read_only=True)
    try:
        if engine.dialect.name != "postgresql":
            raise UsageError(
                "Expected a PostgreSQL store to grant rights in, found a SQLite file; let the reader read "
                "the file and its folder instead (see BANDCAST_SHARE_HOME)."
            )
        require_readable(engine)
        with writing(engine) as connection:
            _grant(connection, role)
    finally:
        engine.dispose()


def _grant(connection: sa.Connection, role: str) -> None:
    quote = connection.dialect.identifier_preparer.quote_identifier
    database, schema = (
        quote(str(connection.scalar(sa.select(function))))
        for function in (sa.func.current_database(), sa.func.current_schema())
    )
    reader = quote(role)
    for statement in (
        f"GRANT CONNECT ON DATABASE {database} TO {reader}",
        f"GRANT USAGE ON SCHEMA {schema} TO {reader}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {reader}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT ON TABLES TO {reader}",
    ):
        try:
            connection.exec_driver_sql(statement)
        except sa.exc.ProgrammingError as error:
            if read_sqlstate(error) == _NO_SUCH_ROLE:
                raise UsageError(
                    f"Expected a role of the server, found none of the name '{role}'; create it first, with "
                    "its password."
                ) from error
            raise
