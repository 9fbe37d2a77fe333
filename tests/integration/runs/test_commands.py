"""The command line as a person and a program use it: real processes, and what they left behind."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from db import upgrade_store
from flows.cli import app


def bandcast(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    script = Path(sys.executable).with_name("bandcast")
    return subprocess.run(
        [str(script), *arguments], capture_output=True, text=True, check=False, env=os.environ | environment
    )


def test_a_database_that_does_not_answer_is_one_sentence_without_the_password() -> None:
    url = "postgresql://band:secret@127.0.0.1:1/none"
    done = bandcast("db", "upgrade", BANDCAST_DATABASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Expected a database at ")
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_a_column_that_is_gone_is_one_sentence_that_names_the_cause(workplace: Path) -> None:
    database = workplace / "store.db"
    url = f"sqlite:///{database}"
    upgrade_store(url)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("ALTER TABLE model_versions RENAME COLUMN version TO lost")
    done = bandcast("models", BANDCAST_DATABASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: Expected a working database at ")
    assert "another schema, 'no such column: model_versions.version'; run `bandcast doctor`" in done.stderr
    assert done.stderr.count("\n") == 1


def invoke(*arguments: str) -> str:
    """Run a command in this process, which spares the imports; its standard output."""
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def run_json(*arguments: str) -> dict[str, Any]:
    done = bandcast("run", "--source", "sample", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


@pytest.mark.usefixtures("prefect_url")
def test_run_then_show_and_plot_read_what_was_stored(workplace: Path) -> None:
    summary = run_json("--tickers", "aapl,NOPE,ibm", "--horizon", "10")
    assert summary["tickers"] == ["AAPL", "IBM"]
    assert summary["quarantined"]["NOPE"]["reason"] == "unknown_ticker"
    assert set(summary["seconds"]) == {
        "ingest",
        "train",
        "verify",
        "calibrate",
        "forecast",
        "publish",
        "report",
    }
    assert summary["model_version"]

    rows = json.loads(invoke("show", "--json", "--all"))
    assert [(row["ticker"], row["horizon"]) for row in rows] == [
        (t, h) for t in ("AAPL", "IBM") for h in range(1, 11)
    ]
    assert all(row["lower"] < row["median"] < row["upper"] for row in rows)

    assert read_alone(workplace) == [(row["ticker"], row["horizon"], row["lower"]) for row in rows]
    table = invoke("show", "--tickers", "IBM")
    assert "202.91" in table
    assert "AAPL" not in table

    picture, own = workplace / "fan.png", workplace / "own"
    assert bandcast("plot", "--out", str(picture)).stdout.strip() == str(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    own.touch()
    assert picture.stat().st_mode == own.stat().st_mode  # a path that the user named
    in_home = list((workplace / "home").rglob("*"))
    assert {path.name for path in in_home} >= {"bandcast.db", "plots"}
    assert not any(path.stat().st_mode & 0o077 for path in in_home)

    (model,) = json.loads(invoke("models", "--json"))
    assert (model["version"], model["status"]) == (summary["model_version"], "champion")
    assert model["reason"].startswith("Promoted: no model served")
    assert json.loads(invoke("replay", summary["run_id"], "--json"))["same"] == ["AAPL", "IBM"]
    assert "0 issued bands have closed" in invoke("verify")
    look_back()


def read_alone(workplace: Path) -> list[tuple[Any, ...]]:
    """Read the newest bands from a copy of the SQLite file alone, to the digits of `show`."""
    copy = workplace / "alone.db"
    copy.write_bytes((workplace / "home" / "bandcast.db").read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        query = "SELECT ticker, horizon, lower FROM latest_forecast ORDER BY ticker, horizon"
        return [
            (ticker, horizon, pytest.approx(lower)) for ticker, horizon, lower in connection.execute(query)
        ]


def look_back() -> None:
    """A run for an earlier session shows its own bands, and so do the commands when asked."""
    arguments = "run --source sample --json --tickers ibm --horizon 10 --as-of 2013-02-22"
    again = json.loads(invoke(*arguments.split()))
    assert again["plot"].endswith("fan-2013-02-22.png")  # a run shows its own session
    back = json.loads(invoke("show", "--json", "--as-of", "2013-02-28"))
    assert {(row["ticker"], row["as_of"]) for row in back} == {("IBM", "2013-02-22")}
    none = bandcast("show", "--as-of", "2013-02-01")
    assert (none.returncode, none.stdout) == (2, "")
    assert "of any ticker up to 2013-02-01, found none" in none.stderr
    yahoo = invoke("prices", "status", "--source", "yahoo")
    assert "The store holds prices of sample, none of yahoo" in yahoo


@pytest.mark.usefixtures("prefect_url")
def test_a_failed_run_exits_with_1_and_one_sentence(workplace: Path) -> None:
    done = bandcast("forecast", "--source", "sample", "--json")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("Error: Expected stored sample prices of ")
    assert done.stderr.splitlines()[-1].endswith(", found none: run `bandcast ingest`.")
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("prefect_url")
@pytest.mark.parametrize(
    ("command", "reason"),
    [
        pytest.param("ingest --tickers NOPE", "NOPE: expected prices in ", marks=pytest.mark.long),
        ("run --tickers NOPE", "NOPE: expected prices in "),
        pytest.param("retrain --tickers NOPE", "NOPE: expected prices in ", marks=pytest.mark.long),
        pytest.param(
            "forecast --tickers NOPE",
            "Expected stored sample prices of NOPE up to 2013-03-01, found none: run ",
            marks=pytest.mark.long,
        ),
        pytest.param(
            "run --tickers IBM --as-of 1999-01-04", "IBM: expected prices in ", marks=pytest.mark.long
        ),
        pytest.param(
            "backfill --tickers IBM --start 1999-01-04 --end 1999-01-05",
            "IBM: expected prices in ",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_fresh_home_without_the_wanted_prices_ends_with_the_tickers_reason(
    workplace: Path, command: str, reason: str
) -> None:
    done = bandcast(*command.split())
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: Expected ")
    assert reason in last
    assert "epoch" not in done.stderr  # nothing was trained


URLS = ("http://127.0.0.1:1/api", "https://127.0.0.1:1/api", "ftp://host/api", "nonsense")


@pytest.mark.parametrize("url", URLS)
def test_a_server_that_cannot_be_used_is_one_sentence(workplace: Path, url: str) -> None:
    done = bandcast("ingest", "--tickers", "IBM", PREFECT_API_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: Expected a Prefect server at ")
    assert done.stderr.endswith("; start it, or correct or unset PREFECT_API_URL.\n")
    assert done.stderr.count("\n") == 1
    assert not (workplace / "home" / "logs").exists()


@pytest.mark.usefixtures("prefect_url")
def test_a_database_behind_its_migrations_has_the_command_that_mends_it(workplace: Path) -> None:
    invoke("db", "upgrade")
    with closing(sqlite3.connect(workplace / "home" / "bandcast.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    done = bandcast("ingest", "--source", "sample")
    assert done.returncode == 1
    assert "bandcast db upgrade" in done.stderr
    assert "Traceback" not in done.stderr
