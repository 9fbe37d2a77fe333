"""Transactions, and the one sentence for a database that does not answer."""

import socket
import sys
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from db.engine import display_url, open_engine, reading, writing
from db.file_history import find_history
from db.migrate import read_revision
from db.schema import quarantines
from forecasting.errors import BadDatabaseUrlError, DatabaseFaultError, DatabaseUnreachableError, UsageError

ROW: dict[str, Any] = {
    "source": "sample",
    "ticker": "AAA",
    "as_of": date(2024, 1, 2),
    "reason": "stale",
    "detail": "",
    "seen_at": datetime(2024, 1, 2, 22, tzinfo=timezone(timedelta(hours=2))),
}
Dump = Callable[[], dict[str, list[tuple[Any, ...]]]]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_postgres_spelling_means_psycopg(scheme: str) -> None:
    assert open_engine(f"{scheme}://u@h/d").url.drivername == "postgresql+psycopg"


def test_sqlite_is_configured(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/a/b/c.sqlite")
    names = ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
    with reading(engine) as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    engine.dispose()
    assert found == ["wal", 1, 30000, 1]


def test_foreign_keys_are_back_after_a_migration(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/c.sqlite")
    found = []
    for alters_schema in (True, False):
        with writing(engine, alters_schema=alters_schema) as connection:
            found.append(connection.exec_driver_sql("PRAGMA foreign_keys").scalar())
    engine.dispose()
    assert found == [0, 1]


def test_an_exception_rolls_back(engine: sa.Engine, dump: Dump) -> None:
    before = dump()
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as connection:
        connection.execute(quarantines.insert(), [{**ROW, "ticker": ticker} for ticker in ("A", "B", None)])
    assert dump() == before


def test_schema_changes_roll_back_too(empty: sa.Engine) -> None:
    def alter_half() -> None:
        with writing(empty) as connection:
            connection.execute(sa.text("CREATE TABLE half (id INTEGER)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        alter_half()
    assert sa.inspect(empty).get_table_names() == []


def test_readers_see_one_snapshot_and_do_not_wait(engine: sa.Engine) -> None:
    with reading(engine) as reader:
        assert count(reader) == 0
        with writing(engine) as writer:
            writer.execute(quarantines.insert(), [ROW])
            with reading(engine) as other:
                assert count(other) == 0
        assert count(reader) == 0
    with reading(engine) as reader:
        assert count(reader) == 1


def test_writers_wait_for_each_other(engine: sa.Engine) -> None:
    def add() -> None:
        with writing(engine) as connection:
            connection.execute(quarantines.insert(), [{**ROW, "ticker": str(count(connection))}])

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert sorted(connection.scalars(sa.select(quarantines.c.ticker))) == list("01234567")


def test_naive_instants_are_refused(engine: sa.Engine) -> None:
    naive = ROW["seen_at"].replace(tzinfo=None)
    with (
        pytest.raises(sa.exc.StatementError, match="instant with a time zone"),
        writing(engine) as connection,
    ):
        connection.execute(quarantines.insert(), [{**ROW, "seen_at": naive}])


def test_instants_come_back_in_utc(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(quarantines.insert(), [ROW])
        assert str(connection.scalar(sa.select(quarantines.c.seen_at))) == "2024-01-02 20:00:00+00:00"


def test_postgres_that_does_not_answer() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        port = closed.getsockname()[1]
        engine = open_engine(f"postgres://me:s3cret@127.0.0.1:{port}/d")
        with pytest.raises(DatabaseUnreachableError) as caught:
            read_revision(engine)
    sentence = str(caught.value)
    assert sentence.startswith(f"Expected a database at postgresql+psycopg://127.0.0.1:{port}/d, found")
    assert "refused" in sentence
    assert "s3cret" not in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me@127.0.0.1:{port}/d?password=s3cret",
        "postgresql://me:s3cret@127.0.0.1:{port}/d?s3cret=1",
        "postgresql://me@127.0.0.1:{port}/d?sslpassword=s3cret&sslmode=s3cret",
    ],
)
def test_no_fault_of_the_driver_shows_a_secret(url: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(DatabaseUnreachableError) as caught:
            read_revision(open_engine(url.format(port=closed.getsockname()[1])))
    assert "s3cret" not in str(caught.value)


def test_sqlite_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite").write_text("not a database, and longer than a header " * 50)
    with pytest.raises(DatabaseFaultError, match="a damaged file, 'file is not a database'; stop every"):
        read_revision(open_engine(f"sqlite:///{tmp_path}/x.sqlite"))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("store.db", "no database URL"),
        ("postgresql://me:s3cret@host:port/d", "no database URL"),
        ("postgresql:me:s3cret@host/d", "no database URL"),
        ("me:s3cret@host/d", "no database URL"),
        ("postgresql://me:at@s3cret@host/d", "an @ too many; write @ as %40 in a password"),
        ("postgresql://me:at@slash/s3cret@host/d", "an @ too many; write @ as %40 in a password"),
        ("mysql://host/d?password=s3cret", "a mysql database where SQLite or PostgreSQL is needed"),
        ("mysql://me:s3cret@host/d", "a mysql database where SQLite or PostgreSQL is needed"),
        (
            "postgresql+nodriver://me:s3cret@host/d",
            "a driver that cannot be used here; write postgresql:// alone",
        ),
        ("postgresql+asyncpg://me:s3cret@host/d", "write postgresql:// alone"),
        ("sqlite+aiosqlite:///store.db", "write sqlite:// alone"),
        ("foo://me:s3cret@host/d", "a foo database where SQLite or PostgreSQL is needed"),
        ("sqlite://", "a database in memory"),
        ("sqlite:///:memory:", "a database in memory"),
        ("sqlite:///file::memory:?cache=shared&uri=true", "a database in memory"),
        ("sqlite:///file:store?mode=memory&uri=true", "a database in memory"),
        ("sqlite:////", "a folder; name a file"),
        ("sqlite:////dev", "a folder; name a file"),
        ("sqlite://me:s3cret@host/store.db", "'Invalid SQLite URL"),
        ("sqlite:///store.db?timeout=soon", "'could not convert string to float"),
    ],
)
def test_impossible_urls_are_bad_usage(url: str, found: str) -> None:
    with pytest.raises(BadDatabaseUrlError, match=found) as caught:
        open_engine(url)
    assert isinstance(caught.value, UsageError)
    assert "s3cret" not in str(caught.value)


def test_a_folder_that_cannot_be_made() -> None:
    with pytest.raises(
        DatabaseUnreachableError, match=r"(Not a directory|File exists).*; check BANDCAST_HOME and "
    ):
        open_engine("sqlite:////dev/null/x.sqlite")


def test_a_file_in_the_form_of_sqlite_itself_may_have_any_name(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///file:{tmp_path}/a%3Fb%23c%25d/store.db?uri=true")
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    engine.dispose()
    assert (tmp_path / "a?b#c%d" / "store.db").is_file()
    assert display_url(engine.url) == f"sqlite:///file:{tmp_path}/a%3Fb%23c%25d/store.db?uri=true"
    history = find_history(engine)
    assert history is not None
    assert history.database == tmp_path / "a?b#c%d" / "store.db"


def test_the_error_for_a_missing_driver_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseUnreachableError, match=r"pip install 'bandcast\[postgres\]'"):
        open_engine("postgresql://me@host/d")


def count(connection: sa.Connection) -> int | None:
    return connection.scalar(sa.select(sa.func.count()).select_from(quarantines))
