"""Faults of a database in plain words: what a driver's error means, and what to do about it."""

import sqlite3
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import URL

from forecasting.text import mask_secrets

_PRIMARY_CODE = 0xFF  # SQLite's extended codes add bits above
_CONNECTION_CLASS = "08"  # of SQLSTATE


@dataclass(frozen=True)
class Fault:
    """A fault of a database.

    Attributes:
        found: What is wrong.
        advice: What to do.
    """

    found: str
    advice: str


DAMAGED = Fault("a damaged file", "stop every process and see 'A damaged store' in docs/operations.md")
_FULL = Fault("no room left for it", "make room on its disk and run again")
_IO = Fault("a failed read or write", "check its disk (room, limits, mounts) and run again")
_READ_ONLY = Fault("a read-only one", "allow its user to write to it (to a SQLite file and its folder)")
_RIGHTS = Fault("a user without the rights", "grant them, or run as the owner of the tables")
_SCHEMA = Fault("another schema", "run `bandcast doctor` and restore what it names")
_DEADLOCK = Fault("another program that locks the same rows", "run again")
_CANCELLED = Fault("that it cancelled a statement", "raise statement_timeout of its user and run again")
_ENDED = Fault("that it ended the connection", "see its log and run again")
_BUSY = Fault("that it has no resources left", "see its log and run again")

_BY_SQLITE_CODE = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _IO,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_PERM: _RIGHTS,
    sqlite3.SQLITE_AUTH: _RIGHTS,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
}
_SQLITE_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_LOCK_NOT_AVAILABLE = "55P03"
_SQLITE_SCHEMA = ("no such table", "no such column", "has no column named")  # all of code 1, as every other
_BY_SQLSTATE = {
    "53100": _FULL,
    "25006": _READ_ONLY,
    "42501": _RIGHTS,
    "42P01": _SCHEMA,
    "42703": _SCHEMA,
    "42804": _SCHEMA,
    "3F000": _SCHEMA,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
    "40P01": _DEADLOCK,
    "57014": _CANCELLED,
    "57P01": _ENDED,
    "57P02": _ENDED,
    "57P03": _ENDED,
    "53000": _BUSY,
    "53200": _BUSY,
    "58030": _IO,
}


def is_locked(error: sa.exc.DBAPIError) -> bool:
    """Return whether another process holds what this one needs, so that another try may do."""
    return _read_sqlite_code(error) in _SQLITE_LOCKED or read_sqlstate(error) == _LOCK_NOT_AVAILABLE


def find_fault(error: sa.exc.DBAPIError) -> Fault | None:
    """Return the fault that a driver's error stands for; None for one that is no fault of the database."""
    if isinstance(error.orig, sqlite3.Error):
        if any(words in str(error.orig) for words in _SQLITE_SCHEMA):
            return _SCHEMA
        return _BY_SQLITE_CODE.get(_read_sqlite_code(error))
    state = read_sqlstate(error)
    if error.connection_invalidated or state.startswith(_CONNECTION_CLASS):
        return _ENDED
    return _BY_SQLSTATE.get(state)


def read_sqlstate(error: sa.exc.DBAPIError) -> str:
    """Return PostgreSQL's code of an error; empty where it has none."""
    return str(getattr(error.orig, "sqlstate", None) or "")


def _read_sqlite_code(error: sa.exc.DBAPIError) -> int:
    return int(getattr(error.orig, "sqlite_errorcode", 0)) & _PRIMARY_CODE


def list_url_secrets(url: URL) -> list[str]:
    """List the password of a URL and the options that hold one."""
    options = [value for name, found in url.normalized_query.items() if "pass" in name for value in found]
    return [secret for secret in (url.password, *options) if secret]


def quote_error(url: URL, error: BaseException | None) -> str:
    """Quote the first line of a foreign error, without the secrets of a URL."""
    text = mask_secrets(str(error).strip().partition("\n")[0], list_url_secrets(url))
    return f"'{' '.join(text.split())}'"
