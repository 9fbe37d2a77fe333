"""What was issued live stays as it was, whatever is run for its session later, on both databases."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from flow_runs import complete, run_state
from reading_store import dump, rows
from typer.testing import CliRunner
from workplace import open_configured_store

from flows.backfill import backfill
from flows.cli import app
from flows.daily import daily
from flows.forecast import forecast
from flows.steps.replay import replay_run

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

DAY = date(2013, 3, 1)
THAT_EVENING, YEARS_LATER = datetime(2013, 3, 2, tzinfo=UTC), datetime(2024, 6, 7, 22, 30, tzinfo=UTC)
ISSUED = ("forecasts", "forecast_quantiles", "forecast_runs", "verifications")


def set_due(monkeypatch: pytest.MonkeyPatch, due: datetime) -> None:
    monkeypatch.setattr("flows.prefect_runtime.flow_support.due", lambda: due)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("due", [YEARS_LATER, pytest.param(THAT_EVENING, marks=pytest.mark.long)])
def test_no_later_run_replaces_live_bands(monkeypatch: pytest.MonkeyPatch, due: datetime) -> None:
    set_due(monkeypatch, THAT_EVENING)
    first = complete(daily, tickers=["IBM"], horizon=3)
    assert rows("SELECT DISTINCT kind FROM latest_forecast") == [("live",)]
    assert not any("Live bands" in note for note in first.notes)
    before = {table: dump()[table] for table in ISSUED}

    set_due(monkeypatch, due)
    notes = (
        "Live bands stay as they were issued, although this run comes to others: IBM of 2013-03-01.",
        f"This run changes no band and is not stored; the bands are of run {first.run_id}.",
    )
    for flow in (daily, forecast):
        force = {"force": True} if flow is daily else {}
        assert complete(flow, tickers=["IBM"], as_of=DAY, horizon=5, **force).notes == notes
    monkeypatch.setenv("BANDCAST_SIMULATION__SEED", "99")
    assert complete(forecast, tickers=["IBM"], as_of=DAY, horizon=3).notes == notes
    assert run_state(backfill, start=DAY, end=DAY, tickers=["IBM"], horizon=7, force=True).is_completed()
    assert {table: dump()[table] for table in ISSUED} == before


@pytest.mark.usefixtures("database")
def test_a_reissue_adds_an_edition_from_the_command_the_form_and_a_backfill(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_due(monkeypatch, THAT_EVENING)
    complete(daily, tickers=["IBM"], horizon=2)
    first = {table: dump()[table] for table in ISSUED if table != "forecast_runs"}

    command = ["forecast", "--tickers", "IBM", "--as-of", str(DAY), "--horizon", "3", "--reissue", "--json"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    added = (
        "Live bands stay as they were issued and are scored; this run adds edition {} of IBM of 2013-03-01."
    )
    assert added.format(2) in json.loads(done.stdout)["notes"]
    set_due(monkeypatch, YEARS_LATER)
    summary = complete(daily, tickers=["IBM"], as_of=DAY, horizon=4, reissue=True)  # as the form sends it
    assert added.format(3) in summary.notes
    for _ in range(2):  # the second one adds nothing
        filled = run_state(backfill, start=DAY, end=DAY, tickers=["IBM"], horizon=5, reissue=True)
        assert filled.is_completed()

    counted = "SELECT edition, count(*) FROM forecast_editions GROUP BY edition ORDER BY edition"
    assert rows(counted) == [(2, 3), (3, 4), (4, 5)]
    assert rows("SELECT edition, count(*), max(kind) FROM latest_forecast GROUP BY edition") == [
        (4, 5, "backfill")
    ]
    assert {table: dump()[table] for table in first} == first
    assert summary.run_id
    with open_configured_store() as store:
        assert replay_run(store, summary.run_id).same == ("IBM",)


@pytest.mark.parametrize(("due", "kind"), [(THAT_EVENING, "live"), (YEARS_LATER, "backfill")])
def test_a_reissue_leaves_the_run_whose_inputs_it_shares(
    monkeypatch: pytest.MonkeyPatch, due: datetime, kind: str
) -> None:
    set_due(monkeypatch, THAT_EVENING)
    complete(daily, tickers=["IBM"], horizon=2)
    both = {"tickers": ["IBM", "MSFT"], "as_of": DAY, "horizon": 3}
    complete(daily, **both)
    issued = "SELECT DISTINCT ticker, r.* FROM forecasts JOIN forecast_runs r USING (run_id) ORDER BY ticker"
    before = rows(issued)
    assert rows("SELECT kind FROM forecast_runs") == [("live",), ("live",)]

    set_due(monkeypatch, due)
    complete(daily, **both, reissue=True)
    assert rows("SELECT DISTINCT ticker, kind FROM latest_forecast WHERE edition = 2") == [("IBM", kind)]
    assert rows(issued) == before


def read_newest_alone(workplace: Path) -> str:
    """Read the newest session with bands from a copy of the SQLite file alone."""
    copy = workplace / "alone.db"
    copy.write_bytes((workplace / "home" / "bandcast.db").read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        return str(connection.execute("SELECT MAX(as_of) FROM latest_forecast").fetchone()[0])


def test_a_run_of_an_earlier_session_is_a_backfill_from_every_flow_and_its_file_alone_holds_it(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_due(monkeypatch, THAT_EVENING)
    complete(daily, tickers=["IBM"], as_of=date(2013, 2, 22), horizon=1)
    assert read_newest_alone(workplace) == "2013-02-22"
    complete(forecast, tickers=["IBM"], as_of=date(2013, 2, 21), horizon=1)
    assert run_state(backfill, start=DAY, end=DAY, tickers=["IBM"], horizon=1).is_completed()
    assert read_newest_alone(workplace) == "2013-03-01"
    assert rows("SELECT as_of, kind FROM forecast_runs ORDER BY as_of") == [
        ("2013-02-21", "backfill"),
        ("2013-02-22", "backfill"),
        ("2013-03-01", "live"),
    ]
