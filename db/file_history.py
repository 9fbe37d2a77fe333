"""History of a SQLite file, in two small files beside it: how much was committed, and when it was checked."""

import logging
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import URL

from forecasting.errors import EmptiedStoreError

_log = logging.getLogger(__name__)


class FileHistory:
    """Number of commits and day of the last good check of a SQLite file, which may lose both in itself.

    The file counts its commits in SQLite's `user_version`. The number is written to `<file>-commits` after
    each commit, so a file that holds less has lost some.

    Args:
        database: The SQLite file.
    """

    def __init__(self, database: Path) -> None:
        self.database = database
        self._commits = database.with_name(f"{database.name}-commits")
        self._checked = database.with_name(f"{database.name}-checked")

    def read_commits(self) -> int:
        """Return how many commits the file is known to have held; 0 where none is known."""
        text = _read(self._commits)
        return int(text) if text.isdecimal() else 0

    def count_commit(self, connection: sa.Connection) -> int:
        """Count the commit that a writing transaction is about to make; return its number.

        A file that has lost commits goes on from the number that it once had.
        """
        number = max(_read_counter(connection), self.read_commits()) + 1
        connection.exec_driver_sql(f"PRAGMA user_version = {number}")
        return number

    def record_commits(self, number: int) -> None:
        """Remember that so many commits were made."""
        _write(self._commits, str(number))

    def count_lost(self, connection: sa.Connection, known: int) -> int:
        """Return how many of the known commits the file of a connection lacks.

        Args:
            connection: Opened after `known` was read, so that no commit in between counts as lost.
            known: From `read_commits`.
        """
        return max(0, known - _read_counter(connection))

    def is_checked(self, day: date) -> bool:
        """Return whether the file was checked on a day and found whole; a later one is of a wrong clock."""
        return _read(self._checked) == day.isoformat()

    def record_check(self, day: date) -> None:
        """Remember that the file was checked and found whole."""
        _write(self._checked, day.isoformat())

    def require_not_emptied(self) -> None:
        """Refuse an empty file where there once was a store: SQLite would set it up, and delete its WAL.

        Raises:
            EmptiedStoreError: The file is empty, and once held something.
        """
        wal = self.database.with_name(f"{self.database.name}-wal")
        held = self.read_commits() > 0 or _size(wal) > 0
        if self.database.exists() and _size(self.database) == 0 and held:
            raise EmptiedStoreError(str(self.database), str(self._commits), str(wal))


def find_history(engine: sa.Engine) -> FileHistory | None:
    """Return the history of the engine's file; None where there is none: PostgreSQL, or memory."""
    path = find_file(engine.url) if engine.dialect.name == "sqlite" else None
    return FileHistory(path) if path else None


def find_file(url: URL) -> Path | None:
    """Return the path of a SQLite file, also of one in SQLite's own form; None for a database in memory.

    >>> find_file(sa.make_url("sqlite:///store.db")), find_file(sa.make_url("sqlite:///file:a%3Fb?uri=true"))
    (PosixPath('store.db'), PosixPath('a?b'))
    """
    name = url.database or ""
    path = unquote(urlsplit(name).path) if name.startswith("file:") else name
    return None if path in ("", ":memory:") or url.query.get("mode") == "memory" else Path(path)


def _read_counter(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    """Write in place, which needs no room; where that fails, less is known, and nothing is wrong."""
    try:
        with path.open("r+" if path.exists() else "w") as file:
            file.write(f"{text}\n")  # never shorter than what it held
    except OSError as error:
        _log.warning("could not write %s: %s", path, error.strerror)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
