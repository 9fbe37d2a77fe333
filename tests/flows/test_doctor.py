"""The doctor: each illness has a line that says what to do."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.doctor import examine
from flows.doctor.environment import CLASHES, clashing
from flows.doctor.finding import Finding
from flows.settings import load_settings


def findings() -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(load_settings())}


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever server other test files of this process have started."""
    monkeypatch.setenv("BANDCAST_TICKERS", "AAPL")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        yield


@pytest.mark.parametrize(
    ("installed", "sick"),
    [
        ({"prefect": "3.8.8", "sqlalchemy": "2.1.9"}, True),
        ({"prefect": "3.9.1", "sqlalchemy": "2.1.9"}, False),
        ({"prefect": "3.8.8", "sqlalchemy": "2.0.58"}, False),
        ({"prefect": "3.8.8", "fastapi": "0.155.0"}, True),
        ({"prefect": "3.8.8", "fastapi": "0.150.0"}, False),
        ({"prefect": "3.8.5"}, True),
        ({"pytorch-lightning": "2.6.2"}, True),
        ({"pytorch-lightning": "2.6.6"}, False),
        ({"pandas": "3.0.4"}, True),
        ({}, False),
    ],
    ids=str,
)
def test_versions_that_break_each_other_are_known(installed: dict[str, str], sick: bool) -> None:
    assert bool(clashing(installed)) is sick


def test_every_clash_says_what_breaks_and_what_to_do() -> None:
    assert all(clash.breaks and clash.advice for clash in CLASHES)


def test_an_empty_home_is_no_failure_and_the_doctor_leaves_it_empty_of_tables() -> None:
    found = findings()
    assert found["database"].verdict == "warn"
    assert found["calendars"].verdict == "ok"
    assert found["Prefect server"].verdict == "warn"
    assert not [one for one in found.values() if one.verdict == "fail"]


def test_a_schema_of_another_release_says_how_to_mend_it(workplace: Path) -> None:
    home = workplace / "home"
    home.mkdir()
    with sqlite3.connect(home / "bandcast.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    connection.close()
    assert findings()["database"].advice == "run `bandcast db upgrade`"


def test_a_symbol_of_no_exchange_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_TICKERS", "AAPL,BRK.B")
    assert "BRK-B" in findings()["calendars"].found


def test_the_command_exits_with_1_where_something_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANDCAST_DATABASE_URL", "postgresql://band:secret@127.0.0.1:1/none")
    script = Path(sys.executable).with_name("bandcast")
    done = subprocess.run([script, "doctor", "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (sick,) = [one for one in json.loads(done.stdout) if one["check"] == "database"]
    assert sick["verdict"] == "fail"
    assert "secret" not in done.stdout


def test_a_run_that_hangs_ends_itself() -> None:
    limit = "from flows.prefect_runtime.flow_support import time_limit"
    code = f"import time; {limit}\nwith time_limit(0.001): time.sleep(600)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 75
    assert "BANDCAST_RUN_MINUTES" in done.stderr
