"""Errors of the database."""

from forecasting.errors.base import BandcastError, UsageError
from forecasting.text import format_count


class StoreError(BandcastError):
    """A fault of the database."""


class BadCalibrationError(StoreError):
    """A calibration state that cannot have been learned."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"Expected {expected}, found {found}; the next run learns it anew.")


class DatabaseUnreachableError(StoreError):
    """The database does not answer."""

    def __init__(self, url: str, detail: str, *, settings: str = "BANDCAST_DATABASE_URL") -> None:
        super().__init__(f"Expected a database at {url}, found {detail}; check {settings}.")


class BadDatabaseUrlError(DatabaseUnreachableError, UsageError):
    """The URL can be that of no database, whatever answers there."""


class DatabaseFaultError(StoreError):
    """The database answers, but cannot do its work; the transaction is rolled back."""

    def __init__(self, url: str, found: str, advice: str) -> None:
        super().__init__(f"Expected a working database at {url}, found {found}; {advice}.")


class DatabaseLockedError(StoreError):
    """Another process holds the lock that this one waits for."""

    def __init__(self, url: str, waited_seconds: float) -> None:
        super().__init__(
            f"Expected to write to the database at {url}, found it locked by another writer for "
            f"{format_count(round(waited_seconds), 'second')}; look for a process that stopped within its "
            "transaction, end it and run again."
        )


class EmptiedStoreError(StoreError):
    """The SQLite file is empty, and has held a store."""

    def __init__(self, database: str, *remains: str) -> None:
        super().__init__(
            f"Expected the store that {database} has held, found an empty file; put a backup in its place, "
            f"or delete {database} with {' and '.join(remains)} to start over."
        )


class NoStoreError(UsageError):
    """There is no database to read, or an empty one."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"Expected a store at {url}, found none; run `bandcast run` first, or check BANDCAST_HOME and "
            "BANDCAST_DATABASE_URL."
        )


class UnknownMigrationError(StoreError):
    """The schema is of a migration that this release does not know."""

    def __init__(self, url: str, found: str, newest: str) -> None:
        super().__init__(
            f"Expected a database at migration {newest} or before at {url}, found it at {found}, which a "
            "newer release has made; install that release."
        )


class MigrationBehindError(StoreError):
    """The schema is not the one this release needs."""

    def __init__(self, found: str | None, expected: str) -> None:
        super().__init__(
            f"Expected the database at migration {expected}, "
            f"found {found or 'a database without migrations'}; run `bandcast db upgrade`."
        )
