"""Schema migrations, driven from Python: no `alembic.ini`, no working folder, one transaction."""

import threading
from collections.abc import Callable

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from db.engine import reading, writing
from forecasting.errors import MigrationBehindError, StoreError

_ONE_AT_A_TIME = threading.Lock()  # Alembic's context is global to the process


def head() -> str:
    """The revision that this release needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    return str(revision)


def current(engine: sa.Engine) -> str | None:
    """The revision that the database is at, None where no migration ran.

    Raises:
        DatabaseUnreachableError: The database does not answer.
    """
    with reading(engine) as conn:
        return _revision(conn)


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Bring the schema up to a revision; does nothing where it is there already.

    Raises:
        DatabaseUnreachableError: The database does not answer.
        StoreError: The database is at a revision that this release does not know.
    """
    _migrate(engine, command.upgrade, revision)


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Take the schema back to a revision, `base` for none at all; what the younger tables held is lost.

    Raises:
        DatabaseUnreachableError: The database does not answer.
        StoreError: The database is at a revision that this release does not know.
    """
    _migrate(engine, command.downgrade, revision)


def require_current(engine: sa.Engine) -> None:
    """Return if the schema is the one this release needs; an entirely empty database is set up first.

    Raises:
        DatabaseUnreachableError: The database does not answer.
        MigrationBehindError: The database holds something else.
    """
    with reading(engine) as conn:  # one snapshot: another process may be setting it up right now
        found, empty = _revision(conn), not sa.inspect(conn).get_table_names()
    if empty:
        upgrade(engine)
    elif found != head():
        raise MigrationBehindError(found, head())


def _migrate(engine: sa.Engine, verb: Callable[[Config, str], None], revision: str) -> None:
    with _ONE_AT_A_TIME, writing(engine, alters_schema=True) as conn:
        try:
            verb(_config(conn), revision)
        except CommandError as error:
            raise StoreError(
                f"Expected a database that this release can bring to migration {revision}, found '{error}'; "
                "install the release that the database was last used with."
            ) from error


def _config(conn: sa.Connection | None = None) -> Config:
    config = Config(attributes={"connection": conn})
    config.set_main_option("script_location", "db:migrations")
    return config


def _revision(conn: sa.Connection) -> str | None:
    return MigrationContext.configure(conn).get_current_revision()
