"""A SQLite file for readers: opened without a trace, whole without its log, copied while a run writes."""

import errno
import os
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from db import QuarantineRecord, Store, back_up_file, build_dump_command, open_reader, open_store
from db.backup import _copy
from db.engine import open_engine
from forecasting.errors import DatabaseFaultError, FileError, NoStoreError

Files = dict[str, int]


@pytest.fixture
def dialect() -> str:
    """PostgreSQL looks after its own files."""
    return "sqlite"


@pytest.fixture
def path(store: Store) -> Path:
    return Path(str(store.engine.url.database))


def quarantine(store: Store, *tickers: str) -> None:
    """Commit a row a ticker, all in one transaction."""
    day, now = date(2024, 1, 2), datetime(2024, 1, 2, tzinfo=UTC)
    with store.writing() as tx:
        tx.quarantines.add([QuarantineRecord("sample", ticker, day, "stale", "", now) for ticker in tickers])


def read_tickers(store: Store) -> list[str]:
    with store.reading() as tx:
        return [record.ticker for record in tx.quarantines.list_newest()]


def list_files(folder: Path) -> Files:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def test_a_closed_store_is_one_file(store: Store, path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:  # a program that is connected, and looks at nothing
        other.execute("SELECT count(*) FROM quarantines").fetchall()
        quarantine(store, "AAA")
        store.close()
        alone = tmp_path / "alone.db"
        alone.write_bytes(path.read_bytes())
    with open_reader(f"sqlite:///{alone}", "sample") as copy:
        assert read_tickers(copy) == ["AAA"]


def test_rows_stay_in_the_log_while_somebody_looks_at_earlier_ones(store: Store, path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM quarantines").fetchall()
        quarantine(store, "AAA")
        store.close()
        with open_reader(f"sqlite:///{path}", "sample") as reader:
            assert read_tickers(reader) == ["AAA"]


def test_a_reader_leaves_no_trace_and_sees_what_a_writer_has_committed(store: Store, path: Path) -> None:
    quarantine(store, "AAA")
    with open_reader(f"sqlite:///{path}", "sample") as reader:
        assert read_tickers(reader) == ["AAA"]  # in the log of a writer that is still there
        store.close()
        before = list_files(path.parent)
        assert read_tickers(reader) == ["AAA"]
        quarantine(store, "BBB")
        assert read_tickers(reader) == ["AAA", "BBB"]
        store.close()
        assert list_files(path.parent) == before


def test_a_reader_cannot_write(store: Store, path: Path) -> None:
    store.close()
    with open_reader(f"sqlite:///{path}", "sample") as reader, pytest.raises(DatabaseFaultError):
        quarantine(reader, "AAA")


def test_a_reader_that_is_overtaken_is_told_to_read_again(store: Store, path: Path) -> None:
    store.close()

    def read_slowly() -> None:
        with open_reader(f"sqlite:///{path}", "sample") as reader, reader.reading() as tx:
            tx.quarantines.list_newest()
            quarantine(store, "AAA")
            store.close()

    with pytest.raises(DatabaseFaultError, match="a run has written to it meanwhile; do it again"):
        read_slowly()


def test_what_does_not_exist_is_not_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none/store.db"
    attempts: list[Callable[[], object]] = [
        lambda: open_reader(url, "sample"),
        lambda: back_up_file(url, tmp_path / "copy.db"),
    ]
    for attempt in attempts:
        with pytest.raises(NoStoreError, match=f"a store at {url}, found none"):
            attempt()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    with pytest.raises(NoStoreError):
        open_reader(f"sqlite:///{tmp_path}/store.db", "sample")
    assert list_files(tmp_path) == {"store.db": 0}


def test_a_backup_is_of_one_instant_although_a_run_writes(store: Store, path: Path, tmp_path: Path) -> None:
    stopped = threading.Event()

    def write() -> None:
        pair = 0
        while not stopped.is_set() or pair < 20:
            quarantine(store, f"A{pair}", f"B{pair}")
            pair += 1

    writer = threading.Thread(target=write)
    writer.start()
    targets = [tmp_path / f"copy{number}.db" for number in range(5)]
    for target in targets:
        back_up_file(f"sqlite:///{path}", target)
    stopped.set()
    writer.join()
    for target in targets:
        with open_reader(f"sqlite:///{target}", "sample") as copy:
            tickers = read_tickers(copy)
        assert {name[1:] for name in tickers if name[0] == "A"} == {
            name[1:] for name in tickers if name[0] == "B"
        }
    assert {name for name in list_files(tmp_path) if name.startswith("copy")} == {p.name for p in targets}
    with open_store(f"sqlite:///{targets[-1]}", "sample") as restored:
        quarantine(restored, "CCC")


def test_a_backup_replaces_no_file_and_leaves_no_half_one(store: Store, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")
    with pytest.raises(FileError, match="it exists"):
        back_up_file(f"sqlite:///{path}", target)
    assert target.read_text() == "mine"
    with pytest.raises(FileError, match="Not a directory"):
        back_up_file(f"sqlite:///{path}", target / "none" / "copy.db")


def test_the_folder_of_a_backup_is_made(store: Store, path: Path, tmp_path: Path) -> None:
    back_up_file(f"sqlite:///{path}", tmp_path / "none" / "yet" / "copy.db")
    assert [file.name for file in (tmp_path / "none" / "yet").iterdir()] == ["copy.db"]


def test_of_backups_to_one_file_at_once_one_is_made_and_stays(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quarantine(store, "AAA")
    before = set(list_files(tmp_path))
    copied = threading.Barrier(4)

    def copy_together(connection: sa.Connection, scratch: Path) -> None:
        _copy(connection, scratch)
        copied.wait()

    def attempt(target: Path) -> int | str:
        try:
            back_up_file(f"sqlite:///{path}", target)
        except FileError as error:
            return str(error)
        return target.stat().st_ino

    monkeypatch.setattr("db.backup._copy", copy_together)
    targets = [tmp_path / f"copy{number}.db" for number in range(25)]
    with ThreadPoolExecutor(4) as pool:
        for target in targets:
            results = set(pool.map(attempt, [target] * 4))
            refused = f"Expected to use {target}, found: it exists; name another, or make room or permit it."
            assert results == {target.stat().st_ino, refused}
            with open_reader(f"sqlite:///{target}", "sample") as copy:
                assert read_tickers(copy) == ["AAA"]
    assert set(list_files(tmp_path)) - before == {target.name for target in targets}


def test_a_name_that_another_process_takes_at_the_last_moment_stays_its_own(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy.db"
    monkeypatch.setattr(Path, "exists", lambda path: path != target and os.path.exists(path))  # noqa: PTH110  # the one that is replaced

    def copy_and_lose(connection: sa.Connection, scratch: Path) -> None:
        _copy(connection, scratch)
        target.write_text("theirs")

    monkeypatch.setattr("db.backup._copy", copy_and_lose)
    with pytest.raises(FileError, match="it exists"):
        back_up_file(f"sqlite:///{path}", target)
    assert target.read_text() == "theirs"
    assert [name for name in list_files(tmp_path) if "copy" in name] == ["copy.db"]


def test_a_backup_is_made_where_files_have_one_name_alone(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(source), None, str(target))  # as FAT does

    monkeypatch.setattr(os, "link", refuse)
    back_up_file(f"sqlite:///{path}", tmp_path / "copy.db")
    with open_reader(f"sqlite:///{tmp_path}/copy.db", "sample") as copy:
        assert read_tickers(copy) == []
    with pytest.raises(FileError, match="it exists"):
        back_up_file(f"sqlite:///{path}", tmp_path / "copy.db")


def test_a_backup_leaves_files_of_other_names_alone(store: Store, path: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.db.part").write_text("mine")
    back_up_file(f"sqlite:///{path}", tmp_path / "copy.db")
    assert (tmp_path / "copy.db.part").read_text() == "mine"
    assert [name for name in list_files(tmp_path) if "copy" in name] == ["copy.db", "copy.db.part"]


def test_the_command_for_postgresql_has_all_of_the_url_but_its_passwords() -> None:
    url = "postgresql+psycopg://own:pw@/bc?host=/run/pg&sslmode=disable&sslpassword=pw2&password=pw3"
    command = build_dump_command(url, Path("z.dump"))
    assert command == (
        "pg_dump --format=custom --file=z.dump '--dbname=postgresql:///bc?host=%2Frun%2Fpg&sslmode=disable' "
        "--username=own"
    )
    assert build_dump_command("sqlite://", Path("z.dump")) is None


def test_an_empty_file_is_not_backed_up(tmp_path: Path) -> None:
    open_engine(f"sqlite:///{tmp_path}/new.db").dispose()
    (tmp_path / "new.db").touch()
    with pytest.raises(NoStoreError):
        back_up_file(f"sqlite:///{tmp_path}/new.db", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


@pytest.mark.postgres
def test_an_empty_postgresql_database_is_no_store_and_stays_empty(postgres_url: str) -> None:
    with pytest.raises(NoStoreError):
        open_reader(postgres_url, "sample")
    engine = open_engine(postgres_url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
