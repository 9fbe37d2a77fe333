"""Engines and transactions of SQLite and PostgreSQL."""

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL

from db.faults import find_fault, is_locked, list_url_secrets, quote_error, read_sqlstate
from db.file_history import find_file, find_history
from db.sqlite_file import connect_read_only, is_overtaken
from forecasting.errors import (
    BadDatabaseUrlError,
    DatabaseFaultError,
    DatabaseLockedError,
    DatabaseUnreachableError,
    NoStoreError,
    StoreError,
)

WAIT_SECONDS = 30  # for another writer, before a line about it is logged and the wait goes on
GIVE_UP_SECONDS = 600  # a publication of 500 tickers takes up to half a minute, and twenty may be in line
CONNECT_SECONDS = 10
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
_USABLE = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg", "postgresql+psycopg2")
_NAMED, _EXAMPLES = "BANDCAST_DATABASE_URL", "sqlite:///file.db or postgresql://user@host/name"
_WRITES = "bandcast_writes"
_ALTERS = "bandcast_alters_schema"
_READ_ONLY_STATE = "25006"
_log = logging.getLogger(__name__)
_WRITER_LOCK = 0x62616E64  # "band": any fixed number that no other program of the same database uses


def open_engine(url: str, *, read_only: bool = False) -> sa.Engine:
    """Create an engine without connecting; the folder of a SQLite file is created, unless for reading alone.

    Args:
        url: `sqlite:///file.db` or `postgresql://user:password@host/name`.
        read_only: Read a SQLite file, which must exist, without the right to write to it or beside it.

    Raises:
        BadDatabaseUrlError: The text is no URL of a file or a server.
        DatabaseUnreachableError: Its driver is missing or the folder cannot be created.
        NoStoreError: There is no such file to read.
    """
    parsed = _parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = _find_sqlite_file(parsed)
        return _create_sqlite_reader(parsed, path) if read_only else _create_sqlite_engine(parsed, path)
    return _create_postgres_engine(parsed)


def display_url(url: URL) -> str:
    """Return driver, host, port and database: a user, a password or an option may be a secret."""
    query = {"uri": "true"} if "uri" in url.query else {}  # without it the text names another file
    shown = URL.create(url.drivername, host=url.host, port=url.port, database=url.database, query=query)
    return shown.render_as_string()


def name_database(url: str) -> str:
    """Return a URL that names the database alone, whichever driver, user and options reach it.

    >>> name_database("postgresql+psycopg://bandcast:secret@db.example.com/bands?sslmode=require")
    'postgresql://db.example.com/bands'

    Raises:
        BadDatabaseUrlError: The text is no URL of a database.
    """
    parsed = _parse_url(url)
    return display_url(parsed.set(drivername=parsed.get_backend_name()))


def find_secrets(url: str) -> list[str]:
    """Find what may be a secret in the text of a URL; for a text that is no URL, all before the host."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        parsed = None
    if parsed is None or "@" in f"{parsed.host}{parsed.database}":
        user_info = url.rpartition("@")[0].rpartition("://")[2]
        return [url, user_info, user_info.partition(":")[2], user_info.rpartition(":")[2]]
    return list_url_secrets(parsed)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a connection that sees one snapshot of the database.

    Raises:
        DatabaseUnreachableError: The database does not answer.
        DatabaseFaultError: It fails on the way.
    """
    options: dict[str, Any] = {}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with _finishing(_begin(engine, options)) as connection:
        try:
            yield connection
        finally:
            # One that the server has ended has no driver's any more, and its error is on the way.
            if not connection.invalidated and is_overtaken(connection.connection.driver_connection):
                raise DatabaseFaultError(
                    display_url(engine.url), "that a run has written to it meanwhile", "do it again"
                )


@contextmanager
def writing(engine: sa.Engine, *, alters_schema: bool = False) -> Iterator[sa.Connection]:
    """Open a connection in one transaction that is committed if the block ends well, else rolled back.

    Writers wait for each other on both databases, so that what one reads stays true until it has written.

    Args:
        engine: From `open_engine`.
        alters_schema: Suspend SQLite's foreign keys, for migrations that rebuild a table.

    Raises:
        DatabaseUnreachableError: The database does not answer.
        DatabaseLockedError: It stays locked by another writer.
        DatabaseFaultError: It fails on the way; nothing is written.
    """
    history, number = find_history(engine), 0
    with _finishing(_begin_writing(engine, {_WRITES: True, _ALTERS: alters_schema})) as connection:
        changes = _count_changes(connection)
        yield connection
        if history and (alters_schema or _count_changes(connection) > changes):
            number = history.count_commit(connection)
    if history and number:
        history.record_commits(number)


def _begin_writing(engine: sa.Engine, options: dict[str, Any]) -> sa.Connection:
    """Begin a transaction with the writers' lock; wait for it, and log the wait every `WAIT_SECONDS`.

    A writer that was stopped in its transaction holds it for ever, so the waiting has an end.
    """
    start = time.monotonic()
    while True:
        try:
            connection = _begin(engine, options)
            if connection.dialect.name == "postgresql":
                _acquire_writer_lock(connection)
            return connection
        except DatabaseLockedError:
            waited = time.monotonic() - start
            if waited >= GIVE_UP_SECONDS:
                raise DatabaseLockedError(display_url(engine.url), waited) from None
            _log.warning("waiting for another writer of %s, for %.0f s now", display_url(engine.url), waited)


def _count_changes(connection: sa.Connection) -> int:
    """Return how many rows a SQLite connection has changed in its life; 0 for PostgreSQL."""
    return int(getattr(connection.connection.driver_connection, "total_changes", 0))


def _acquire_writer_lock(connection: sa.Connection) -> None:
    try:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(WAIT_SECONDS * 1000)}")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_WRITER_LOCK)))
    except sa.exc.DBAPIError as error:
        _close(connection)
        raise _translate(error, connection.engine.url) or error from error


@contextmanager
def _finishing(connection: sa.Connection) -> Iterator[sa.Connection]:
    """Commit if the block ends well, else roll back; name the faults of the database."""
    writes = connection.get_execution_options().get(_WRITES, False)
    try:
        yield connection
        connection.commit()
    except sa.exc.DBAPIError as error:
        fault = _translate(error, connection.engine.url)
        # A reading transaction is read-only on purpose: who writes in it has a bug, not a fault.
        if fault is None or (not writes and read_sqlstate(error) == _READ_ONLY_STATE):
            raise
        raise fault from error
    finally:
        _close(connection)


def _close(connection: sa.Connection) -> None:
    """Roll back what is not committed; a connection that cannot even do that is thrown away."""
    try:
        connection.rollback()
    except sa.exc.DBAPIError as error:
        _log.warning("could not roll back, so the connection is closed: %s", error.orig)
        connection.invalidate()
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
        fault = None if error.connection_invalidated else _translate(error, engine.url)
        raise fault or _unreachable(engine.url, error.orig) from error
    return connection


def _translate(error: sa.exc.DBAPIError, url: URL) -> StoreError | None:
    if is_locked(error):
        return DatabaseLockedError(display_url(url), WAIT_SECONDS)
    fault = find_fault(error)
    if fault is None:
        return None
    return DatabaseFaultError(
        display_url(url), f"{fault.found}, {quote_error(url, error.orig)}", fault.advice
    )


def _parse_url(url: str) -> URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        # Neither the text nor the original error, which repeats it: a password may be in any part of it.
        raise BadDatabaseUrlError(_NAMED, f"no database URL ({_EXAMPLES})") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql", "postgres"):
        found = f"a {parsed.get_backend_name()} database where SQLite or PostgreSQL is needed"
        raise BadDatabaseUrlError(display_url(parsed), found)
    if parsed.get_backend_name() != "sqlite" and "@" in f"{parsed.host}{parsed.database}":
        raise BadDatabaseUrlError(_NAMED, "an @ too many; write @ as %40 in a password")
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.drivername not in _USABLE:
        found = f"a driver that cannot be used here; write {parsed.get_backend_name()}:// alone"
        raise BadDatabaseUrlError(display_url(parsed), found)
    return parsed


def _find_sqlite_file(url: URL) -> Path:
    path = find_file(url)
    if path is None or path.is_dir():
        found = "a folder" if path else "a database in memory, which ends with its connection"
        raise BadDatabaseUrlError(display_url(url), f"{found}; name a file ({_EXAMPLES})")
    return path


def _create_sqlite_reader(url: URL, path: Path) -> sa.Engine:
    if not path.exists():
        raise NoStoreError(display_url(url))
    # No pool: a connection without locks must not outlive the state of the file that it has read.
    engine = _create_engine(url, creator=lambda: connect_read_only(path), poolclass=sa.NullPool)
    sa.event.listen(engine, "connect", _leave_transactions)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _leave_transactions(connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes too late and leaves out DDL; _begin_sqlite does it instead.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={round(WAIT_SECONDS * 1000)}")


def _create_sqlite_engine(url: URL, path: Path) -> sa.Engine:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unreachable(url, error) from error
    engine = _create_engine(url)
    sa.event.listen(engine, "connect", _configure_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, record: object) -> None:
    _leave_transactions(connection, record)
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous=NORMAL")


def _switch_to_wal(connection: Any) -> None:
    # Of processes that open a new file at the same instant, all but one are refused, busy_timeout or not.
    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
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
        return _create_engine(url, pool_pre_ping=True, connect_args=options)
    except (ModuleNotFoundError, sa.exc.NoSuchModuleError) as error:
        hint = "no PostgreSQL driver (pip install 'bandcast[postgres]')"
        raise DatabaseUnreachableError(display_url(url), hint) from error


def _create_engine(url: URL, **options: Any) -> sa.Engine:
    try:
        return sa.create_engine(url, **options)
    except (sa.exc.ArgumentError, ValueError) as error:  # a host of a file, an option that is no number
        raise BadDatabaseUrlError(display_url(url), quote_error(url, error)) from None


def _unreachable(url: URL, error: BaseException | None) -> DatabaseUnreachableError:
    places = f"BANDCAST_HOME and {_NAMED}" if url.get_backend_name() == "sqlite" else _NAMED
    return DatabaseUnreachableError(display_url(url), quote_error(url, error), settings=places)
