"""A SQLite file as readers need it: opened without a trace, and whole without its write-ahead log."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

_CHECKPOINT_SECONDS = 2  # for readers that still look at earlier rows
_log = logging.getLogger(__name__)


class FileState(NamedTuple):
    """Time and size of a file, which change with its content."""

    modified_ns: int
    size: int


class ReadOnlyConnection(sqlite3.Connection):
    """Connection that cannot write.

    Attributes:
        database: The file.
        expected: State of a file that is read without locks, and so must not change meanwhile; None where
            SQLite's own locks keep the snapshot.
    """

    database: Path
    expected: FileState | None = None

    @property
    def is_overtaken(self) -> bool:
        """Return whether the file has changed under a reader without locks."""
        return self.expected is not None and self.expected != read_state(self.database)


def connect_read_only(database: Path) -> ReadOnlyConnection:
    """Connect to a SQLite file without writing to it, nor beside it.

    A file in WAL mode that nobody has open is read as one that does not change: with locks, SQLite would
    create a log and an index beside it, which a read-only folder forbids, and which would belong to the
    reader. Where a log holds rows, its index is there, too, and locks work.

    Args:
        database: The file, which exists.

    Raises:
        sqlite3.OperationalError: It cannot be opened.
    """
    state = read_state(database)  # before the look at the log: a checkpoint in between shows in it
    has_log = _has_rows(_name_log(database))
    query = "mode=ro" if has_log else "mode=ro&immutable=1"
    connection = sqlite3.connect(
        f"{database.absolute().as_uri()}?{query}",
        uri=True,
        check_same_thread=False,
        factory=ReadOnlyConnection,
    )
    connection.database = database
    connection.expected = None if has_log else state
    return connection


def is_overtaken(connection: Any) -> bool:
    """Return whether what a driver's connection has read may be of two states of the file."""
    return isinstance(connection, ReadOnlyConnection) and connection.is_overtaken


def absorb_log(database: Path) -> None:
    """Move every row of the write-ahead log into the SQLite file, so that the file alone holds everything.

    Where a reader of another program still looks at earlier rows, the log stays until the next writer closes.
    """
    if not _has_rows(_name_log(database)):
        return
    try:
        with closing(sqlite3.connect(database, timeout=_CHECKPOINT_SECONDS)) as connection:
            is_busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        _log.warning("could not move the newest rows of %s out of its log: %s", database, error)
        return
    if is_busy:
        _log.info("%s is in use by another program, so its newest rows stay in its log", database)


def read_state(database: Path) -> FileState:
    """Read time and size of a file."""
    found = database.stat()
    return FileState(found.st_mtime_ns, found.st_size)


def _name_log(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")


def _has_rows(log: Path) -> bool:
    return log.exists() and log.stat().st_size > 0
