"""Schema migrations driven from Python: no `alembic.ini`, no working folder, one transaction.

Alembic is imported where it migrates: who only reads a store needs its revision alone.
"""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from db.comments import comment_schema
from db.engine import display_url, reading, writing
from forecasting.errors import MigrationBehindError, NoStoreError, StoreError, UnknownMigrationError

if TYPE_CHECKING:
    from alembic.config import Config

_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))  # Alembic's own
_VERSIONS = Path(__file__).parent / "migrations" / "versions"
_ONE_AT_A_TIME = threading.Lock()  # Alembic's context is global to the process


def read_head() -> str:
    """Return the revision that this release needs: the greatest number of a migration."""
    return max(_list_revisions())


def _list_revisions() -> list[str]:
    return [path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*.py")]


def is_known(revision: str | None) -> bool:
    """Return whether a revision is one of this release, or none at all."""
    return revision is None or revision in _list_revisions()


def read_revision(engine: sa.Engine) -> str | None:
    """Return the revision of a database, None where no migration ran.

    Raises:
        DatabaseUnreachableError: The database does not answer.
    """
    with reading(engine) as connection:
        return _read_revision(connection)


def upgrade(engine: sa.Engine, revision: str = "head") -> None:
    """Bring the schema up to a revision; do nothing where it is there already.

    Raises:
        DatabaseUnreachableError: The database does not answer.
        UnknownMigrationError: The database is at a revision that this release does not know.
    """
    _migrate(engine, revision, down=False)


def downgrade(engine: sa.Engine, revision: str) -> None:
    """Take the schema back to a revision, `base` for none at all; rows of younger tables are lost.

    Raises:
        DatabaseUnreachableError: The database does not answer.
        UnknownMigrationError: The database is at a revision that this release does not know.
    """
    _migrate(engine, revision, down=True)


def require_current(engine: sa.Engine) -> None:
    """Return if the schema is the one this release needs; set up an entirely empty database first.

    Raises:
        DatabaseUnreachableError: The database does not answer.
        UnknownMigrationError: It is of a newer release.
        MigrationBehindError: It holds something else.
    """
    found, is_empty = _inspect(engine)
    if is_empty:
        upgrade(engine)
    else:
        _require_head(engine, found)


def require_readable(engine: sa.Engine) -> None:
    """Return if the schema is the one this release needs; leave an empty database as it is.

    Raises:
        DatabaseUnreachableError: The database does not answer.
        NoStoreError: The database is empty.
        UnknownMigrationError: It is of a newer release.
        MigrationBehindError: It holds something else.
    """
    found, is_empty = _inspect(engine)
    if is_empty:
        raise NoStoreError(display_url(engine.url))
    _require_head(engine, found)


def _require_head(engine: sa.Engine, found: str | None) -> None:
    _require_known(engine, found)
    if found != read_head():
        raise MigrationBehindError(found, read_head())


def _require_known(engine: sa.Engine, found: str | None) -> None:
    if found is not None and not is_known(found):
        raise UnknownMigrationError(display_url(engine.url), found, read_head())


def _inspect(engine: sa.Engine) -> tuple[str | None, bool]:
    """Return the revision of a database, and whether it is empty."""
    with reading(engine) as connection:  # one snapshot: another process may be setting it up right now
        return _read_revision(connection), not sa.inspect(connection).get_table_names()


def _migrate(engine: sa.Engine, revision: str, *, down: bool) -> None:
    from alembic import command
    from alembic.util import CommandError

    verb = command.downgrade if down else command.upgrade
    with _ONE_AT_A_TIME, writing(engine, alters_schema=True) as connection:
        _require_known(engine, _read_revision(connection))
        try:
            verb(_configure(connection), revision)
        except CommandError as error:
            raise StoreError(
                f"Expected a database that this release can bring to migration {revision}, found '{error}'; "
                "install the release that the database was last used with."
            ) from error
        if _read_revision(connection) == read_head():
            comment_schema(connection)


def _configure(connection: sa.Connection | None = None) -> "Config":
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "db:migrations")
    return config


def _read_revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(sa.select(_VERSION.c.version_num))
