"""Rights of a reader on a real PostgreSQL, granted by the owner of the tables."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from db import ModelRecord, RunRecord, Store, grant_reader, open_reader
from db.engine import open_engine
from forecasting.errors import NoStoreError, UsageError
from forecasting.forecast import Forecast

pytestmark = pytest.mark.postgres

ROLE = 'Re"ader %s :x'
DENIED = "permission denied|read-only transaction"


@pytest.fixture
def reader_url(postgres_server: str, migrated_postgres_url: str) -> Iterator[str]:
    """URL of a store for a role that has no rights of its own."""
    quoted = '"' + ROLE.replace('"', '""').replace("%", "%%") + '"'
    admin = open_engine(postgres_server).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {quoted} LOGIN")
    yield sa.make_url(migrated_postgres_url).set(username=ROLE).render_as_string(hide_password=False)
    owned = open_engine(migrated_postgres_url)
    with owned.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {quoted}")
    owned.dispose()
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP ROLE {quoted}")
    admin.dispose()


def execute(url: str, statement: str) -> None:
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
def test_a_role_reads_everything_of_now_and_later_and_writes_nothing(
    migrated_url: str, served: Store, run: RunRecord, forecast: Callable[..., Forecast], reader_url: str
) -> None:
    with served.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(run, [forecast()]))
    with pytest.raises(sa.exc.ProgrammingError, match=DENIED):
        execute(reader_url, "SELECT * FROM latest_forecast")
    for _ in range(2):
        grant_reader(migrated_url, ROLE)
    execute(migrated_url, "CREATE TABLE later (id integer)")
    execute(migrated_url, "CREATE VIEW later_view AS SELECT id FROM later")
    execute(reader_url, "SELECT * FROM later, later_view, latest_forecast")
    with open_reader(reader_url, "sample") as store, store.reading() as tx:
        assert len(tx.forecasts.load_latest()) == 3
    for statement in ("INSERT INTO later VALUES (1)", "DELETE FROM forecasts", "DROP TABLE later"):
        with pytest.raises(sa.exc.ProgrammingError, match=f"{DENIED}|must be owner"):
            execute(reader_url, statement)


def test_a_role_that_the_server_lacks_is_named(migrated_postgres_url: str, model: ModelRecord) -> None:
    with pytest.raises(UsageError, match="found none of the name 'nobody-of-here'; create it first"):
        grant_reader(migrated_postgres_url, "nobody-of-here")


def test_an_empty_database_is_refused(postgres_url: str) -> None:
    with pytest.raises(NoStoreError):
        grant_reader(postgres_url, "postgres")


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_file_is_refused(migrated_url: str) -> None:
    with pytest.raises(UsageError, match="found a SQLite file; let the reader read the file"):
        grant_reader(migrated_url, "reader")
