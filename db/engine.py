"""Engines and transactions of SQLite and PostgreSQL."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import URL

from forecasting.errors import DatabaseUnreachableError
from forecasting.text import mask_secrets

WAIT_SECONDS = 30  # for another writer to finish; a run's own transaction takes a few
CONNECT_SECONDS = 10
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
_USABLE = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg", "postgresql+psycopg2")
_NAMED, _EXAMPLES = "BANDCAST_DATABASE_URL", "sqlite:///file.db or postgresql://user@host/name"
_WRITES = "bandcast_writes"
_ALTERS = "bandcast_alters_schema"
_WRITER_LOCK = 0x62616E64  # "band": any fixed number that no other program of the same database uses


def open_engine(url: str) -> sa.Engine:
    """Create an engine without connecting; the folder of a SQLite file is created.

    Args:
        url: `sqlite:///file.db` or `postgresql://user:password@host/name`.

    Raises:
        DatabaseUnreachableError: The text is no URL, its driver is missing or the folder cannot be created.
    """
    parsed = _parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _create_sqlite_engine(parsed)
    return _create_postgres_engine(parsed)


def display_url(url: URL) -> str:
    """Return driver, host, port and database: a user, a password or an option may be a secret."""
    shown = URL.create(url.drivername, host=url.host, port=url.port, database=url.database)
    return shown.render_as_string()


def find_secrets(url: str) -> list[str]:
    """Find what may be a secret in the text of a URL; of a text that is none, everything before the host."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        parsed = None
    if parsed is None or "@" in f"{parsed.host}{parsed.database}":
        user_info = url.rpartition("@")[0].rpartition("://")[2]
        return [url, user_info, user_info.partition(":")[2], user_info.rpartition(":")[2]]
    return _list_secrets(parsed)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a connection that sees one snapshot of the database.

    Raises:
        DatabaseUnreachableError: The database does not answer.
    """
    options: dict[str, Any] = {}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with _transaction(engine, options) as connection:
        yield connection


@contextmanager
def writing(engine: sa.Engine, *, alters_schema: bool = False) -> Iterator[sa.Connection]:
    """Open a connection in one transaction that is committed if the block ends well, else rolled back.

    Writers wait for each other on both databases, so that what one reads stays true until it has written.

    Args:
        engine: From `open_engine`.
        alters_schema: Suspend SQLite's foreign keys, for migrations that rebuild a table.

    Raises:
        DatabaseUnreachableError: The database does not answer, or stays locked by another writer.
    """
    with _transaction(engine, {_WRITES: True, _ALTERS: alters_schema}) as connection:
        if connection.dialect.name == "postgresql":
            _acquire_writer_lock(connection)
        yield connection


def _acquire_writer_lock(connection: sa.Connection) -> None:
    """Take the writers' lock, or give up: a writer that was stopped in its transaction holds it for ever."""
    try:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {WAIT_SECONDS * 1000}")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK)))
    except sa.exc.OperationalError as error:
        raise _unreachable(connection.engine.url, _quote(error.orig)) from error


@contextmanager
def _transaction(engine: sa.Engine, options: dict[str, Any]) -> Iterator[sa.Connection]:
    connection = _begin(engine, options)
    try:
        yield connection
    except BaseException:
        connection.rollback()
        raise
    else:
        connection.commit()
    finally:
        connection.close()


def _begin(engine: sa.Engine, options: dict[str, Any]) -> sa.Connection:
    try:
        connection = engine.connect()
        try:
            connection.execution_options(**options).begin()
        except BaseException:
            connection.close()
            raise
    except sa.exc.DBAPIError as error:
        raise _unreachable(engine.url, _quote(error.orig)) from error
    return connection


def _parse_url(url: str) -> URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # Neither the text nor the original error, which repeats it: a password may be in any part of it.
        raise DatabaseUnreachableError(_NAMED, f"no database URL ({_EXAMPLES})") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql", "postgres"):
        raise _unreachable(
            parsed, f"a {parsed.get_backend_name()} database where SQLite or PostgreSQL is needed"
        )
    if parsed.get_backend_name() != "sqlite" and "@" in f"{parsed.host}{parsed.database}":
        raise DatabaseUnreachableError(_NAMED, "an @ too many; write @ as %40 in a password")
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.drivername not in _USABLE:
        found = f"a driver that cannot be used here; write {parsed.get_backend_name()}:// alone"
        raise _unreachable(parsed, found)
    return parsed


def _create_sqlite_engine(url: URL) -> sa.Engine:
    path = _find_sqlite_path(url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unreachable(url, _quote(error)) from error
    engine = sa.create_engine(url)
    sa.event.listen(engine, "connect", _configure_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _find_sqlite_path(url: URL) -> Path:
    """Return the path of a SQLite file, also of one in SQLite's own form `file:path?uri=true`.

    Raises:
        DatabaseUnreachableError: The database is in memory, where no other connection finds it.
    """
    database = url.database or ":memory:"
    path = unquote(urlsplit(database).path) if database.startswith("file:") else database
    if path in (":memory:", "") or url.query.get("mode") == "memory":
        raise _unreachable(
            url, f"a database in memory, which ends with its connection; name a file ({_EXAMPLES})"
        )
    return Path(path)


def _configure_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes too late and leaves out DDL; _begin_sqlite does it instead.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={WAIT_SECONDS * 1000}")
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous=NORMAL")


def _switch_to_wal(connection: Any) -> None:
    # Of processes that open a new file at the same instant, all but one are refused, busy_timeout or not.
    for tries_left in range(200, -1, -1):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or not tries_left:
                raise
            time.sleep(0.05)


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    # foreign_keys is ignored inside a transaction, so it is set ahead of every one
    connection.exec_driver_sql(f"PRAGMA foreign_keys={'OFF' if options.get(_ALTERS) else 'ON'}")
    # A reader that turns writer cannot wait for a lock, so writers take it at once; readers must not take it.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_WRITES) else "BEGIN")


def _create_postgres_engine(url: URL) -> sa.Engine:
    try:
        options = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
        return sa.create_engine(url, pool_pre_ping=True, connect_args=options)
    except (ModuleNotFoundError, sa.exc.NoSuchModuleError) as error:
        hint = "no PostgreSQL driver (pip install 'bandcast[postgres]')"
        raise _unreachable(url, hint) from error


def _unreachable(url: URL, detail: str) -> DatabaseUnreachableError:
    detail = mask_secrets(detail, _list_secrets(url))
    return DatabaseUnreachableError(display_url(url), detail)


def _list_secrets(url: URL) -> list[str]:
    options = [value for name, found in url.normalized_query.items() if "pass" in name for value in found]
    return [secret for secret in (url.password, *options) if secret]


def _quote(error: BaseException | None) -> str:
    one_line = " ".join(str(error).split())
    return f"'{one_line}'"
