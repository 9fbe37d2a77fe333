"""Day after day: bands are verified, calibration learns from what has closed, and from nothing later."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flow_runs import complete
from reading_store import connection, dump, rows
from typer.testing import CliRunner
from workplace import open_configured_store

from db.schema import path_outcomes, verifications
from flows.cli import app
from flows.forecast import forecast
from flows.ingest import ingest
from flows.presentation.scorecards import build_scorecard_parts, load_scorecards
from flows.presentation.tables import print_parts
from flows.verify import verify

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

DAYS = [date(2013, 2, 1), date(2013, 2, 8), date(2013, 2, 15)]


@pytest.mark.usefixtures("database")
def test_each_day_verifies_the_days_before_and_learns_from_them(capsys: pytest.CaptureFixture[str]) -> None:
    complete(ingest, tickers=["IBM", "MSFT"])
    for day in DAYS:
        complete(forecast, tickers=["IBM", "MSFT"], as_of=day, horizon=6, retrain="auto")
    learned = rows("SELECT outcomes FROM calibrations ORDER BY as_of")
    # two tickers: five sessions of the first week's bands, then all six and another five
    assert learned == [(0,), (2 * 5,), (2 * (6 + 5),)]
    used = rows(
        "SELECT count(*) FROM forecast_runs r JOIN calibrations c ON c.calibration_id = r.calibration_id"
        " WHERE c.as_of = r.as_of"
    )
    assert used == [(3,)]
    assert rows("SELECT DISTINCT outcomes FROM forecasts WHERE as_of = '2013-02-15' AND horizon = 1") == [
        (4,)
    ]
    assert rows("SELECT DISTINCT method FROM verifications ORDER BY method") == [
        ("calibrated",),
        ("mc_dropout",),
        ("predictive",),
        ("random_walk",),
    ]
    before = dump()
    again = complete(forecast, tickers=["IBM", "MSFT"], as_of=DAYS[-1], horizon=6)
    assert str(again.run_id).startswith("2013-02-15")
    assert dump() == before

    assert complete(verify, tickers=["IBM"], as_of=date(2013, 2, 19)).scored == 2 * 2
    assert complete(verify).scored == 2 * 5
    with open_configured_store() as store:
        scorecards = load_scorecards(store, ())
    assert scorecards.outcomes == {"backfill": 2 * 18}
    assert set(scorecards.issued["ticker"]["ticker"]) == {"IBM", "MSFT"}
    print_parts(build_scorecard_parts(scorecards, 2 * 5))
    assert "36 issued bands have closed" in capsys.readouterr().out


def test_calibration_sees_no_outcome_after_as_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """A canary: other prices after the session, history walked anew, and yet the same state and run."""
    monkeypatch.setenv("BANDCAST_CALIBRATION__FEWEST_OUTCOMES", "250")
    complete(ingest, tickers=["IBM"])
    first = complete(forecast, tickers=["IBM"], as_of=DAYS[0], horizon=3)
    known = states("2013-02-01")
    assert known[0][1] > 50
    assert rows("SELECT count(*) FROM verifications WHERE kind <> 'walk_forward'") == [(0,)]
    with connection() as opened:
        opened.execute(sa.text("UPDATE price_bars SET close = close * 1.3 WHERE session > '2013-02-01'"))
        for table in ("forecasts", "forecast_runs", "band_outcomes", "calibrations"):
            opened.execute(sa.text(f"DELETE FROM {table}"))
    again = complete(forecast, tickers=["IBM"], as_of=DAYS[0], horizon=3)
    assert states("2013-02-01") == known
    assert again.run_id == first.run_id


def states(as_of: str) -> list[Any]:
    return rows(f"SELECT calibration_id, outcomes, state FROM calibrations WHERE as_of = '{as_of}'")


def test_the_command_and_the_flow_write_the_same_scores(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(ingest, tickers=["IBM", "MSFT"])
    complete(forecast, tickers=["IBM", "MSFT"], as_of=DAYS[0], horizon=6, retrain="auto")
    copied = shutil.copy(workplace / "home" / "bandcast.db", workplace / "copied.db")
    scored = complete(verify).scored
    by_flow = load_scores()
    assert len(by_flow) == 2 * 6 * 4 + 2  # four bands at each horizon; the odds of five sessions
    monkeypatch.setenv("BANDCAST_DATABASE_URL", f"sqlite:///{copied}")
    assert load_scores() == []
    result = CliRunner().invoke(app, ["verify", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["scored"] == scored == 2 * 6
    assert load_scores() == by_flow


def load_scores() -> list[Any]:
    """Every column of the scores and of the outcomes of paths but the time."""
    found: list[Any] = []
    for table in (verifications, path_outcomes):
        names = ", ".join(column.name for column in table.columns if column.name != "scored_at")
        found += rows(f"SELECT {names} FROM {table.name} ORDER BY {names}")
    return found
