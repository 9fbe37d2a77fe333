"""Faults in mid-transaction: one sentence that fits the cause, nothing is written, the next one heals."""

import logging
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import db.engine
from db import RunRecord, Store, Transaction, open_store
from db.engine import open_engine, writing
from forecasting.errors import DatabaseFaultError, DatabaseLockedError, StoreError
from forecasting.forecast import Forecast

Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]
Publish = Callable[[], None]
NOBODY = 65534
POSTGRES = pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def publish(served: Store, run: RunRecord, forecast: Callable[..., Forecast]) -> Publish:
    """Publish ten tickers."""

    def act() -> None:
        issued = [forecast(f"T{number}", horizon=30) for number in range(10)]
        with served.reading() as tx:
            publication = tx.forecasts.prepare(run, issued)
        with served.writing() as tx:
            tx.forecasts.publish(publication)

    return act


@pytest.fixture
def execute(engine: sa.Engine) -> Callable[[str], None]:
    """Change the database as its owner, beside the store."""

    def act(statement: str) -> None:
        other = open_engine(engine.url.render_as_string(hide_password=False))
        with writing(other) as connection:
            connection.exec_driver_sql(statement)
        other.dispose()

    return act


def require_healed(publish: Publish, dump: Dump, before: dict[str, Any]) -> None:
    """Nothing was written, and the next publication leaves the rows of an undisturbed one."""
    assert dump() == before
    publish()
    after = dump()
    assert len(after["forecasts"]) == 300
    assert len(after["forecast_quantiles"]) == 300 * 3 * 4
    publish()
    assert dump() == after


def find_sentence(publish: Publish) -> str:
    with pytest.raises(DatabaseFaultError) as caught:
        publish()
    sentence = str(caught.value)
    assert sentence.startswith("Expected a working database at ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@SQLITE
def test_a_full_database(served: Store, publish: Publish, dump: Dump) -> None:
    before = dump()
    with served.reading() as tx:  # the limit is the connection's, and the pool hands the same one out again
        pages = tx._connection.exec_driver_sql("PRAGMA page_count").scalar()
        tx._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    assert "no room left for it, 'database or disk is full'; make room" in find_sentence(publish)
    served.close()
    require_healed(publish, dump, before)


@SQLITE
def test_a_file_that_may_not_grow(publish: Publish, dump: Dump) -> None:
    before = dump()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        sentence = find_sentence(publish)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "a failed read or write, 'disk I/O error'; check its disk" in sentence
    require_healed(publish, dump, before)


@POSTGRES
def test_a_full_disk_of_the_server(publish: Publish, execute: Callable[[str], None], dump: Dump) -> None:
    before = dump()
    execute(
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RAISE ''could not extend file'' USING ERRCODE = ''disk_full''; END'"
    )
    execute("CREATE TRIGGER fill BEFORE INSERT ON calibrated_quantiles EXECUTE FUNCTION fill()")
    assert "no room left for it, 'could not extend file'; make room" in find_sentence(publish)
    execute("DROP FUNCTION fill CASCADE")
    require_healed(publish, dump, before)


@POSTGRES
def test_a_connection_that_is_ended_in_mid_transaction(
    served: Store, run: RunRecord, publish: Publish, execute: Callable[[str], None], dump: Dump
) -> None:
    before = dump()

    def publish_half() -> None:
        with served.writing() as tx:
            tx.forecasts.publish(tx.forecasts.prepare(replace(run, run_id="half"), []))
            process = tx._connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            execute_beside(served, f"SELECT pg_terminate_backend({process}, 5000)")
            tx.quarantines.lift(run.as_of, ["T1"])

    assert "that it ended the connection, 'terminating connection due to" in find_sentence(publish_half)
    require_healed(publish, dump, before)


@POSTGRES
def test_a_connection_that_is_ended_while_it_reads(served: Store) -> None:
    def read() -> None:
        with served.reading() as tx:
            process = tx._connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            execute_beside(served, f"SELECT pg_terminate_backend({process}, 5000)")
            tx.prices.load_spans()

    assert "that it ended the connection, 'terminating connection due to" in find_sentence(read)
    with served.reading() as tx:
        assert tx.prices.load_spans() == {}


@POSTGRES
def test_a_statement_that_takes_longer_than_the_server_allows(
    served: Store, publish: Publish, dump: Dump
) -> None:
    before = dump()
    for begin in (served.reading, served.writing):

        def wait(begin: Callable[[], AbstractContextManager[Transaction]] = begin) -> None:
            with begin() as tx:
                tx._connection.exec_driver_sql("SET LOCAL statement_timeout = 50")
                tx._connection.exec_driver_sql("SELECT pg_sleep(5)")

        assert "'canceling statement due to statement timeout'; raise statement_timeout" in find_sentence(
            wait
        )
    require_healed(publish, dump, before)


def execute_beside(store: Store, statement: str) -> None:
    """Execute on another connection, which takes no lock of ours."""
    with store.engine.connect() as connection:
        connection.exec_driver_sql(statement)


def test_a_column_that_is_gone(publish: Publish, execute: Callable[[str], None], dump: Dump) -> None:
    before = dump()
    execute("ALTER TABLE forecast_runs RENAME COLUMN settings TO lost")
    assert "another schema, '" in find_sentence(publish)
    execute("ALTER TABLE forecast_runs RENAME COLUMN lost TO settings")
    require_healed(publish, dump, before)


def test_a_table_that_is_gone(publish: Publish, execute: Callable[[str], None], dump: Dump) -> None:
    before = dump()
    execute("ALTER TABLE quarantines RENAME TO lost")
    execute("ALTER TABLE calibrated_quantiles RENAME TO gone")
    assert "run `bandcast doctor`" in find_sentence(publish)
    execute("ALTER TABLE gone RENAME TO calibrated_quantiles")
    execute("ALTER TABLE lost RENAME TO quarantines")
    require_healed(publish, dump, before)


@POSTGRES
def test_a_role_without_rights(
    engine: sa.Engine,
    served: Store,
    run: RunRecord,
    publish: Publish,
    execute: Callable[[str], None],
    dump: Dump,
) -> None:
    before = dump()
    execute("CREATE ROLE guest LOGIN")
    try:
        execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest")
        url = engine.url.set(username="guest").render_as_string(hide_password=False)
        with open_store(url, "sample") as store:
            with pytest.raises(DatabaseFaultError, match="a user without the rights, 'permission denied for"):
                add_run(store, run)
            execute("ALTER ROLE guest SET default_transaction_read_only = on")
            store.close()
            with pytest.raises(
                DatabaseFaultError, match="a read-only one, 'cannot execute INSERT in a read-"
            ):
                add_run(store, run)
    finally:
        execute("DROP OWNED BY guest")
        execute("DROP ROLE guest")
    require_healed(publish, dump, before)


def add_run(store: Store, run: RunRecord) -> None:
    with store.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(run, []))


def run_as_nobody(act: Callable[[], None]) -> str:
    """Call in a process of a user without privileges; return the error's text."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(NOBODY)
            act()
        except StoreError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def test_a_file_that_may_only_be_read(sqlite_template: Path, run: RunRecord) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "bandcast.db"
        path.write_bytes(sqlite_template.read_bytes())
        path.chmod(0o444)
        folder.chmod(0o777)  # SQLite needs files beside it, even to read

        def act() -> None:
            with open_store(f"sqlite:///{path}", "sample") as store:
                add_run(store, run)

        sentence = run_as_nobody(act)
        assert "a read-only one, 'attempt to write a readonly database'; allow its user to write" in sentence
        for file in folder.iterdir():  # SQLite's own have the mode of the database
            file.chmod(0o666)
        assert run_as_nobody(act) == ""


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db.engine, "WAIT_SECONDS", 0.2)
    monkeypatch.setattr(db.engine, "GIVE_UP_SECONDS", 1)


@contextmanager
def another_writer(url: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process within its writing transaction."""
    code = (
        "import sys; from db.engine import open_engine, writing\n"
        "with writing(open_engine(sys.argv[1])): print('in it', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in it\n"
        yield process
        process.kill()


@pytest.mark.usefixtures("short_waits")
def test_a_writer_that_waits_says_so_and_gives_up_in_the_end(
    migrated_url: str, publish: Publish, dump: Dump, caplog: pytest.LogCaptureFixture
) -> None:
    before = dump()
    with (
        another_writer(migrated_url),
        caplog.at_level(logging.WARNING),
        Store(open_engine(migrated_url), "sample") as store,
        pytest.raises(DatabaseLockedError) as caught,
    ):
        add_nothing(store)
    assert "found it locked by another writer for 1 second; look for a process" in str(caught.value)
    lines = [record.getMessage() for record in caplog.records if record.name == "db.engine"]
    assert len(lines) > 1
    assert all(line.startswith("waiting for another writer of ") for line in lines)
    require_healed(publish, dump, before)


@pytest.mark.usefixtures("short_waits")
def test_a_writer_that_waits_goes_on_when_the_other_is_killed(migrated_url: str) -> None:
    with another_writer(migrated_url) as process:
        timer = threading.Timer(0.5, process.kill)
        timer.start()
        with Store(open_engine(migrated_url), "sample") as store:
            add_nothing(store)
        timer.join()


def add_nothing(store: Store) -> None:
    with store.writing():
        pass
