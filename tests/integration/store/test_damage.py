"""A SQLite file that lost a page, its content or its WAL: noticed, and what is left of it stays."""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

import db.integrity
from db import Store, inspect_file, open_store
from db.engine import open_engine
from forecasting.errors import DatabaseFaultError, EmptiedStoreError

TODAY = date(2024, 1, 2)
SavePrices = Callable[..., None]


@pytest.fixture
def dialect() -> str:
    """PostgreSQL looks after its own files."""
    return "sqlite"


@pytest.fixture
def path(store: Store, save_prices: SavePrices) -> Path:
    """File of a store of some commits, all of them in the file itself."""
    closes = {f"2024-01-{day:02d}": 100.0 + day for day in range(2, 32)}
    for ticker in [f"T{number:02d}" for number in range(20)]:
        save_prices(store, closes, {}, ticker=ticker)
    checkpoint(store)
    return Path(str(store.engine.url.database))


def checkpoint(store: Store) -> None:
    with store.engine.connect() as connection:
        connection.rollback()
    store.close()  # the last connection brings the WAL into the file


def spoil_page(path: Path) -> None:
    """Overwrite a page of the bars."""
    size, begins = 4096, b"sampleT10"  # of the key of a bar
    with path.open("r+b") as file:
        file.seek(path.read_bytes().rindex(begins) // size * size)
        file.write(b"\xa5" * size)


def test_a_whole_file_is_found_whole(path: Path, url: str) -> None:
    assert inspect_file(f"sqlite:///{path}") == 0
    assert inspect_file(f"sqlite:///{path}.none") is None
    assert not path.with_name(f"{path.name}.none").exists()


def test_a_spoilt_page_is_found(path: Path) -> None:
    spoil_page(path)
    with pytest.raises(DatabaseFaultError, match=r"a damaged file, '.*'; stop every process and see 'A dam"):
        inspect_file(f"sqlite:///{path}")


def test_the_file_is_checked_once_a_day(path: Path) -> None:
    with open_store(f"sqlite:///{path}", "sample") as store:
        store.check_daily(TODAY)
    spoil_page(path)
    with open_store(f"sqlite:///{path}", "sample") as store:
        store.check_daily(TODAY)
        for _ in range(2):  # a check that failed is not one that was done
            with pytest.raises(DatabaseFaultError, match="a damaged file"):
                store.check_daily(TODAY + timedelta(days=1))


def test_a_check_by_a_clock_that_was_ahead_does_not_stand_for_the_days_until_then(path: Path) -> None:
    with open_store(f"sqlite:///{path}", "sample") as store:
        store.check_daily(TODAY + timedelta(days=7))
    spoil_page(path)
    with (
        open_store(f"sqlite:///{path}", "sample") as store,
        pytest.raises(DatabaseFaultError, match="a damaged file"),
    ):
        store.check_daily(TODAY)


def test_a_long_check_says_that_it_goes_on(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def check_slowly(connection: sa.Connection, *_: object) -> None:
        while not caplog.messages:
            time.sleep(0.01)

    monkeypatch.setattr(db.integrity, "LOG_SECONDS", 0.01)
    sa.event.listen(store.engine, "before_cursor_execute", check_slowly)
    with caplog.at_level(logging.WARNING), db.integrity._logging(store.engine), store.reading() as tx:
        tx.prices.list_holdings()
    assert caplog.messages[0] == f"checking sqlite:///{path}, for 0 s now"


def test_an_emptied_file_is_refused_and_left_alone(path: Path) -> None:
    url = f"sqlite:///{path}"
    path.write_bytes(b"")
    for attempt in (lambda: open_store(url, "sample"), lambda: inspect_file(url)):
        with pytest.raises(EmptiedStoreError) as caught:
            attempt()
    assert path.stat().st_size == 0
    sentence = str(caught.value)
    assert sentence.startswith(f"Expected the store that {path} has held, found an empty file; put a backup")
    for named in (path, f"{path}-commits", f"{path}-wal"):
        assert str(named) in sentence
        Path(named).unlink(missing_ok=True)
    open_store(url, "sample").close()
    assert inspect_file(url) == 0


def test_an_emptied_file_of_an_older_release_is_refused_for_its_wal(tmp_path: Path) -> None:
    (tmp_path / "old.db").touch()
    (tmp_path / "old.db-wal").write_bytes(b"pages")
    with pytest.raises(EmptiedStoreError):
        open_store(f"sqlite:///{tmp_path}/old.db", "sample")
    assert (tmp_path / "old.db-wal").read_bytes() == b"pages"


def test_a_file_that_somebody_made_empty_is_set_up(tmp_path: Path) -> None:
    (tmp_path / "new.db").touch()
    open_store(f"sqlite:///{tmp_path}/new.db", "sample").close()
    assert inspect_file(f"sqlite:///{tmp_path}/new.db") == 0


def commit_and_die(path: Path) -> None:
    """Commit in a process that is killed before it can bring the WAL into the file."""
    row = "('sample', ?, '2024-01-02', 'stale', '', '2024-01-02 00:00:00')"
    code = (
        "import os, sys; from db.engine import open_engine, writing\n"
        "for number in '12':\n"
        "    with writing(open_engine(sys.argv[1])) as connection:\n"
        f'        connection.exec_driver_sql("INSERT INTO quarantines VALUES {row}", (number,))\n'
        f"os.kill(os.getpid(), {int(signal.SIGKILL)})"
    )
    command = [sys.executable, "-c", code, f"sqlite:///{path}"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0


def test_a_wal_that_was_left_by_a_kill_is_read(path: Path) -> None:
    commit_and_die(path)
    assert inspect_file(f"sqlite:///{path}") == 0


def test_a_lost_wal_is_noticed_until_the_next_commit(path: Path, save_prices: SavePrices) -> None:
    commit_and_die(path)
    for suffix in ("wal", "shm"):
        path.with_name(f"{path.name}-{suffix}").unlink()
    assert inspect_file(f"sqlite:///{path}") == 2
    with Store(open_engine(f"sqlite:///{path}"), "sample") as store:
        assert store.count_lost_commits() == 2
        save_prices(store, {"2024-02-01": 1.0}, {}, ticker="T00")
        assert store.count_lost_commits() == 0


def test_a_transaction_that_changes_nothing_is_not_counted(store: Store, path: Path) -> None:
    known = path.with_name(f"{path.name}-commits")
    before = known.read_text()
    with store.writing() as tx:
        tx.quarantines.lift(TODAY, ["T00"])
    assert known.read_text() == before
