"""Readers: without the right to write, without a trace, and of the SQLite file alone."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from records import make_run
from typer.testing import CliRunner

from db import Store, back_up_file, open_store
from flows.cli import app
from flows.settings import load_settings
from forecasting.errors import NoStoreError
from forecasting.forecast import Forecast
from forecasting.prices.history import BAR_COLUMNS, PriceHistory, as_actions

SCRIPT = Path(__file__).parents[2] / "helpers" / "unprivileged.py"
SESSION = pd.Timestamp("2024-01-02", tz="UTC")
READING = (
    *("show --json", "plot --out fan.png", "models --json", "prices status --json", "prices show AAA"),
    *("verify", "prices forget AAA --dry-run", "db prune --dry-run", "doctor", "replay r1"),
)


def publish(store: Store) -> None:
    """Publish one band of the random walk."""
    bars = pd.DataFrame(50.0, pd.DatetimeIndex([SESSION.date()]), list(BAR_COLUMNS))
    actions = as_actions(pd.DataFrame({"split": [], "dividend": []}, pd.DatetimeIndex([])))
    forecast = Forecast(
        ticker="AAA",
        as_of=SESSION.date(),
        anchor_close=50.0,
        target_sessions=(SESSION.date() + pd.Timedelta(days=1),),
        levels=(0.05, 0.5, 0.95),
        log_returns={"calibrated": np.log([[0.9, 1.0, 1.1]])},
        model_variance=np.array([1e-4]),
        noise_variance=np.array([1e-4]),
        quality="baseline",
        data_fingerprint="f",
        regime="calm",
        n_outcomes=(0,),
    )
    with store.writing() as tx:
        tx.prices.save(PriceHistory("AAA", bars, actions), SESSION)
        run = make_run(
            "r1",
            SESSION.date(),
            SESSION,
            source=store.source,
            model_version=tx.models.add_baseline(SESSION),
        )
        tx.forecasts.publish(tx.forecasts.prepare(run, [forecast]))


@contextmanager
def forbid_writing(folder: Path) -> Iterator[None]:
    """Make a folder and its files read-only for everybody while the block lasts."""
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody can reach; pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory(prefix="bandcast-") as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "home").mkdir()
        yield Path(folder)


@pytest.mark.parametrize("state", ["closed", "in use", "a copy"])
def test_a_user_who_may_write_nowhere_reads_the_newest_bands(shared: Path, state: str) -> None:
    home, url = shared / "home", f"sqlite:///{shared}/home/bandcast.db"
    store = open_store(f"sqlite:///{shared}/other.db" if state == "a copy" else url, "sample")
    publish(store)
    if state == "a copy":
        back_up_file(f"sqlite:///{shared}/other.db", home / "bandcast.db")
    if state != "in use":
        store.close()
    before = {path.name for path in home.iterdir()}
    assert ("bandcast.db-wal" in before) is (state == "in use")
    (shared / "out").mkdir()
    (shared / "out").chmod(0o777)
    with forbid_writing(home):
        done = read_as_nobody(home, shared / "out", "show --json", "plot --out fan.png", "models --json")
    store.close()
    assert done[0][0] == 0, done
    assert [(row["ticker"], row["lower"]) for row in json.loads(done[0][1])] == [("AAA", pytest.approx(45))]
    assert [code for code, _ in done] == [0, 0, 0]
    assert (shared / "out" / "fan.png").read_bytes().startswith(b"\x89PNG")


def read_as_nobody(home: Path, folder: Path, *commands: str) -> list[tuple[int, str]]:
    """Run commands as an unprivileged user; exit code and output of each."""
    environment = os.environ | {
        "BANDCAST_HOME": str(home),
        "MPLCONFIGDIR": str(folder),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    for name in [name for name in environment if name.startswith("COVERAGE_")]:
        del environment[name]  # the user may write no file of measurements either
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *commands],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    outputs: list[tuple[int, str]] = json.loads(done.stdout.splitlines()[-1])
    return outputs


@pytest.mark.parametrize("command", READING)
def test_a_command_that_reads_creates_nothing(workplace: Path, command: str) -> None:
    result = CliRunner().invoke(app, command.split())
    assert list(workplace.iterdir()) == []
    if command != "doctor":
        assert isinstance(result.exception, NoStoreError)
        assert f"Expected a store at sqlite:///{workplace}/home/bandcast.db, found none" in str(
            result.exception
        )


def test_commands_that_read_leave_no_file_beside_the_store(workplace: Path, store: Store) -> None:
    publish(store)
    store.close()
    before = sorted(path.name for path in (workplace / "home").iterdir())
    for command in READING[:3]:
        result = CliRunner().invoke(app, command.split())
        assert result.exit_code == 0, result.exception
    assert sorted(path.name for path in (workplace / "home").iterdir()) == before
    assert "bandcast.db-wal" not in before


def test_pruning_by_the_command_says_what_it_would_delete(store: Store) -> None:
    publish(store)
    store.close()
    result = CliRunner().invoke(app, ["db", "prune", "--keep", "7", "--dry-run"])
    assert result.stdout == (
        "Would delete the quantiles of 0 scored comparison bands, 0 revisions of prices and the weights of 0 "
        "models, all older than 7 days.\n"
    )
    plain = json.loads(CliRunner().invoke(app, ["db", "prune", "--json"]).stdout)
    assert plain == {"quantiles": 0, "revisions": 0, "models": 0, "pruned": True}


def test_a_backup_by_the_command_is_restored_as_the_documentation_says(workplace: Path, store: Store) -> None:
    publish(store)
    store.close()
    database = workplace / "home" / "bandcast.db"
    assert CliRunner().invoke(app, ["db", "backup", "copy.db"]).stdout == "copy.db\n"
    database.write_bytes(b"spoilt" * 1000)
    for suffix in ("-wal", "-shm", "-commits"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    shutil.copy("copy.db", database)
    (finding,) = (
        found
        for found in json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
        if found["check"] == "file"
    )
    assert finding["found"] == "every page is whole"
    assert len(json.loads(CliRunner().invoke(app, ["show", "--json"]).stdout)) == 1
    with open_store(load_settings().url, "sample") as restored, restored.writing() as tx:
        tx.outcomes.forget_walked()


def test_of_postgresql_the_command_that_backs_it_up_is_printed_without_the_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "postgresql+psycopg://band:s3cret@db.example:5433/bands?password=s3cret"
    monkeypatch.setenv("BANDCAST_DATABASE_URL", url)
    result = CliRunner().invoke(app, ["db", "backup", "my copy.dump"])
    assert result.stdout == (
        "pg_dump --format=custom '--file=my copy.dump' "
        "--dbname=postgresql://db.example:5433/bands --username=band\n"
    )
    assert "s3cret" not in result.output
