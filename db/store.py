"""The store: one database as one price source uses it."""

import copy
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

from db.engine import display_url, open_engine, reading, writing
from db.file_history import find_history
from db.inspection import find_differences
from db.integrity import check_pages
from db.migrate import is_known, read_head, read_revision, require_current, require_readable, upgrade
from db.pruning import Pruned, prune
from db.repositories.calendars import CalendarRepository
from db.repositories.calibrations import CalibrationRepository
from db.repositories.earnings import EarningsRepository
from db.repositories.forecasts import ForecastRepository
from db.repositories.models import ModelRepository
from db.repositories.outcomes import OutcomeRepository
from db.repositories.paths import PathRepository
from db.repositories.prices import PriceRepository
from db.repositories.promotions import PromotionRepository
from db.repositories.quarantines import QuarantineRepository
from db.repositories.unit_changes import UnitRepository
from db.sqlite_file import absorb_log
from forecasting.errors import NoModelError, NoStoreError, StoreError

if TYPE_CHECKING:
    from forecasting.model.artifact import Model  # imports torch

MODELS_KEPT = 4


class Transaction:
    """Repositories of one price source on one connection: one snapshot, or one unit of work.

    Attributes:
        source: Name of the price source.
        prices: Bars, actions and their revisions.
        forecasts: Published forecasts and their runs.
        quarantines: Tickers that were left out of a run.
        models: Trained models and their status.
        promotions: Decisions on challengers.
        calibrations: Calibration states.
        outcomes: Closed bands and their scores.
        paths: What became of the closes that odds are about.
        units: Factors between the prices of a forecast's issue and those of now.
        calendars: Closures and openings of exchanges.
        earnings: Earnings dates.
    """

    def __init__(self, connection: sa.Connection, source: str) -> None:
        self._connection = connection
        self.source = source
        self.prices = PriceRepository(connection, source)
        self.forecasts = ForecastRepository(connection, source)
        self.quarantines = QuarantineRepository(connection, source)
        self.models = ModelRepository(connection, source)
        self.promotions = PromotionRepository(connection, source)
        self.calibrations = CalibrationRepository(connection, source)
        self.outcomes = OutcomeRepository(connection, source)
        self.paths = PathRepository(connection, source)
        self.units = UnitRepository(connection, source)
        self.calendars = CalendarRepository(connection, source)
        self.earnings = EarningsRepository(connection, source)

    def for_source(self, source: str) -> "Transaction":
        """Return the repositories of another source in the same transaction."""
        return Transaction(self._connection, source)


class Store:
    """A database bound to one price source; threads may share it.

    Args:
        engine: From `db.engine.open_engine`; its schema is that of this release.
        source: Name of the price source, such as `yahoo`.
        is_reader: The engine is for reading alone.
    """

    def __init__(self, engine: sa.Engine, source: str, *, is_reader: bool = False) -> None:
        self.engine = engine
        self.source = source
        self._is_reader = is_reader
        self._load_model = functools.lru_cache(MODELS_KEPT)(functools.partial(_load_model, engine, source))

    @property
    def display_url(self) -> str:
        """Driver, host, port and database, without any secret."""
        return display_url(self.engine.url)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Open a transaction that sees one snapshot of the database.

        Raises:
            DatabaseUnreachableError: The database does not answer.
        """
        with reading(self.engine) as connection:
            yield Transaction(connection, self.source)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Open a transaction that is committed if the block ends well, else rolled back.

        Writers wait for each other, so that what one reads stays true until it has written.

        Raises:
            DatabaseUnreachableError: The database does not answer, or stays locked by another writer.
        """
        with writing(self.engine) as connection:
            yield Transaction(connection, self.source)

    def load_model(self, version: str) -> "Model":
        """Rebuild a stored model; the last few are kept, because every ticker's forecast needs one.

        Raises:
            NoModelError: There is no such version.
            ArchitectureMismatchError: This release cannot rebuild it.
            DigestMismatchError: Its bytes are not those that were stored.
        """
        return self._load_model(version)

    def count_lost_commits(self) -> int:
        """Return how many commits a SQLite file is known to have held, and lacks."""
        return _count_lost_commits(self.engine)

    def check_daily(self, today: date) -> None:
        """Check every page of a SQLite file, unless that was done today.

        Raises:
            DatabaseFaultError: The file is damaged.
        """
        history = find_history(self.engine)
        if history is not None and not history.is_checked(today):
            check_pages(self.engine)
            history.record_check(today)

    def prune(self, now: datetime, keep: timedelta, *, dry_run: bool = False) -> Pruned:
        """Delete what is older than a time and no longer needed, of every source; see `db.pruning.prune`."""
        return prune(self.engine, now, keep, dry_run=dry_run)

    def for_source(self, source: str) -> "Store":
        """Return the same database bound to another source; both share connections and models."""
        other = copy.copy(self)
        other.source = source
        return other

    def close(self) -> None:
        """Close the idle connections, also of stores that share them; a SQLite file is whole from then on."""
        self.engine.dispose()
        history = find_history(self.engine)
        if history is not None and not self._is_reader:
            absorb_log(history.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class StoreStatus:
    """Schema of a database.

    Attributes:
        display_url: URL of the database with its password hidden.
        migration: Revision of the database; None where no migration ran.
        needed: Revision that this release needs.
        differences: What the schema has otherwise than that migration made it, a sentence each.
        is_known: True if this release knows the migration, or there is none.
    """

    display_url: str
    migration: str | None
    needed: str
    differences: tuple[str, ...] = ()
    is_known: bool = True

    @property
    def is_current(self) -> bool:
        """Return whether the database is at the migration of this release."""
        return self.migration == self.needed

    @property
    def advice(self) -> str:
        """Advice for a database at another migration."""
        return "run `bandcast db upgrade`" if self.is_known else "install the newer release that made it"


def open_store(url: str, source: str) -> Store:
    """Open a database for one price source and check its schema; an empty database is set up.

    Args:
        url: `sqlite:///file.db` or `postgresql://user:password@host/name`.
        source: Name of the price source, such as `yahoo`.

    Raises:
        DatabaseUnreachableError: The database does not answer.
        EmptiedStoreError: It is an empty file that once held something.
        MigrationBehindError: Its schema is of another release.
    """
    engine = _open_engine(url)
    try:
        require_current(engine)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, source)


def open_reader(url: str, source: str) -> Store:
    """Open a database that exists for reading alone: nothing is created, and no right to write is needed.

    Args:
        url: `sqlite:///file.db` or `postgresql://user:password@host/name`.
        source: Name of the price source, such as `yahoo`.

    Raises:
        NoStoreError: There is no database, or it is empty.
        DatabaseUnreachableError: The database does not answer.
        EmptiedStoreError: It is an empty file that once held something.
        MigrationBehindError: Its schema is of another release.
    """
    engine = _open_engine(url, read_only=True)
    try:
        require_readable(engine)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, source, is_reader=True)


def open_existing(url: str, source: str) -> Store:
    """Open a database that exists, as `open_store` does; nothing is created.

    Raises:
        NoStoreError: There is no database, or it is empty.
        StoreError: As of `open_store`.
    """
    open_reader(url, source).close()
    return open_store(url, source)


def inspect_store(url: str) -> StoreStatus:
    """Read the migration of a database; none is run, and nothing is created.

    Raises:
        DatabaseUnreachableError: The database does not answer.
    """
    try:
        engine = _open_engine(url, read_only=True)
    except NoStoreError:
        return StoreStatus(display_url(sa.make_url(url)), None, read_head())
    try:
        migration = read_revision(engine)
        differences = find_differences(engine) if migration == read_head() else []
    finally:
        engine.dispose()
    return StoreStatus(
        display_url(engine.url), migration, read_head(), tuple(differences), is_known=is_known(migration)
    )


def upgrade_store(url: str) -> str:
    """Bring a database to the schema of this release and return its revision.

    Raises:
        DatabaseUnreachableError: The database does not answer.
        UnknownMigrationError: The database is of a newer release.
        StoreError: Somebody has changed its schema.
    """
    engine = _open_engine(url)
    try:
        upgrade(engine)
        if differences := find_differences(engine):
            raise StoreError(
                f"Expected the schema of migration {read_head()}, found that {'; '.join(differences)}; "
                "restore it by hand or from a backup."
            )
    finally:
        engine.dispose()
    return read_head()


def inspect_file(url: str) -> int | None:
    """Check every page of a SQLite file; return how many commits it is known to have held, and lacks.

    Returns:
        None where there is no such file yet, or PostgreSQL looks after its own.

    Raises:
        DatabaseFaultError: The file is damaged.
        EmptiedStoreError: The file is empty, and once held something.
    """
    try:
        engine = _open_engine(url, read_only=True)
    except NoStoreError:
        return None
    try:
        if find_history(engine) is None:
            return None
        check_pages(engine)
        return _count_lost_commits(engine)
    finally:
        engine.dispose()


def _open_engine(url: str, *, read_only: bool = False) -> sa.Engine:
    """Create an engine without connecting; refuse a SQLite file that somebody has emptied."""
    engine = open_engine(url, read_only=read_only)
    if history := find_history(engine):
        history.require_not_emptied()
    return engine


def _count_lost_commits(engine: sa.Engine) -> int:
    history = find_history(engine)
    if history is None:
        return 0
    known = history.read_commits()
    with reading(engine) as connection:
        return history.count_lost(connection, known)


def _load_model(engine: sa.Engine, source: str, version: str) -> "Model":
    with reading(engine) as connection:
        record = ModelRepository(connection, source).get(version)
    if record is None:
        raise NoModelError(version)
    from forecasting.model.artifact import load_stored_model  # imports torch

    return load_stored_model(version, record.weights, record.config)
