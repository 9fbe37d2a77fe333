"""Files of an owner: what is deleted from them is deleted, what lies off the calendar is named."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from flow_runs import complete, fail
from reading_store import dump, rows
from typer.testing import CliRunner

from flows.cli import app
from flows.daily import daily
from flows.ingest import ingest
from flows.summary import RunSummary
from forecasting.calendars.sessions import sessions_between

pytestmark = pytest.mark.usefixtures("prefect_url", "migrated")

LAST = date(2019, 12, 31)
SATURDAY = date(2019, 12, 28)
BANDS = ("forecasts", "forecast_quantiles")


def make_prices(seed: int, calendar: str = "XNYS", last: date = LAST, sessions: int = 400) -> pd.DataFrame:
    days = sessions_between(calendar, last.replace(year=last.year - 3), last)[-sessions:]
    close = 50 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, len(days))))
    columns = {"open": close, "high": 1.01 * close, "low": close / 1.01, "close": close}
    return pd.DataFrame(columns, pd.Index(days, name="date")).round(4).assign(volume=1e6)


def write(folder: Path, ticker: str, frame: pd.DataFrame) -> None:
    frame.sort_index().to_csv(folder / f"{ticker}.csv")


def add_saturday(frame: pd.DataFrame) -> pd.DataFrame:
    before = frame["close"].loc[:SATURDAY].iloc[-1]
    row = {"open": before, "high": 1.4 * before, "low": before, "close": 1.4 * before, "volume": 9e8}
    return pd.concat([frame, pd.DataFrame(row, [SATURDAY])]).rename_axis("date").round(4)


def publish(folder: Path) -> RunSummary:
    return complete(daily, horizon=3, force=True)


def test_a_row_taken_out_is_gone_and_bands_are_those_of_a_fresh_store(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "OTHER", make_prices(2))
    write(folder, "FIXME", add_saturday(make_prices(1)))
    (note,) = publish(folder).notes
    assert note == "FIXME: 1 bar on days without a session of XNYS left out: 2019-12-28"
    mended = make_prices(1).drop(date(2019, 12, 20))
    write(folder, "FIXME", mended)
    withdrawn, gap = publish(folder).notes
    assert "FIXME: withdrew the bars that its file has no longer: 2019-12-20" in withdrawn
    assert gap.startswith("FIXME: no bar of 2019-12-20")
    found = dump()
    assert rows("SELECT session, reason FROM price_revisions") == [("2019-12-20", "withdrawn")]
    monkeypatch.setenv("BANDCAST_HOME", str(folder.parent / "fresh"))
    assert publish(folder).notes == (gap,)
    fresh = dump()
    assert fresh["forecast_quantiles"] == found["forecast_quantiles"]
    assert [row[:11] for row in fresh["forecasts"]] == [row[:11] for row in found["forecasts"]]


@pytest.mark.parametrize(("first", "last"), [(5, None), (None, -3), (7, -7)])
def test_rows_taken_off_the_ends_of_a_file_are_withdrawn(
    folder: Path, first: int | None, last: int | None
) -> None:
    prices = make_prices(1)
    write(folder, "AAA", prices)
    write(folder, "BBB", make_prices(2))
    complete(ingest)
    kept = prices.iloc[first:last]
    write(folder, "AAA", kept)
    complete(ingest)
    stored = [row[0] for row in rows("SELECT session FROM price_bars WHERE ticker = 'AAA' ORDER BY session")]
    assert stored == [str(day) for day in kept.index]
    assert rows("SELECT count(*) FROM price_revisions") == [(len(prices) - len(kept),)]


def test_a_run_of_an_earlier_session_withdraws_nothing(folder: Path) -> None:
    write(folder, "AAA", make_prices(1))
    complete(ingest)
    complete(ingest, as_of=date(2019, 6, 3))
    assert rows("SELECT count(*) FROM price_bars") == [(400,)]
    assert rows("SELECT count(*) FROM price_revisions") == [(0,)]


def test_forgotten_bars_are_revisions_and_a_dry_run_changes_nothing(folder: Path) -> None:
    write(folder, "AAA", make_prices(1))
    complete(ingest)
    before = dump()
    arguments = ["prices", "forget", "aaa", "--from", "2019-12-30", "--to", "2020-01-31", "--json"]
    expected = {"ticker": "AAA", "sessions": ["2019-12-30", "2019-12-31"]}
    shown = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert json.loads(shown.stdout) == {**expected, "forgotten": False}
    assert dump() == before
    done = CliRunner().invoke(app, arguments)
    assert json.loads(done.stdout) == {**expected, "forgotten": True}
    assert rows("SELECT max(session) FROM price_bars") == [("2019-12-27",)]
    assert rows("SELECT DISTINCT reason FROM price_revisions") == [("forgotten",)]
    again = CliRunner().invoke(app, arguments)
    assert (again.exit_code, "found none" in str(again.exception)) == (1, True)
    assert "Moved 398 bars of AAA" in CliRunner().invoke(app, ["prices", "forget", "AAA"]).stdout
    assert rows("SELECT count(*) FROM price_bars") == [(0,)]


def test_a_row_of_a_day_off_in_place_of_the_last_session_is_named(folder: Path) -> None:
    friday = date(2019, 12, 27)
    for seed, ticker in enumerate(("AAA", "BBB")):
        write(folder, ticker, make_prices(seed, last=friday))
    write(folder, "WEEK", make_prices(3, last=friday).rename(index={friday: SATURDAY}))
    error = complete(ingest).quarantined["WEEK"]
    assert error.reason == "stale"
    assert "the last at 2019-12-26 and a row of 2019-12-28, on which the exchange is closed" in str(error)


def test_history_before_the_calendar_begins_is_the_tickers_own_reason(folder: Path) -> None:
    days = pd.bdate_range("1965-01-04", "1969-12-31").date
    write(
        folder, "OLD", pd.DataFrame({"close": 50.0 + np.arange(len(days)) % 7}, pd.Index(days, name="date"))
    )
    assert "found 0" in str(fail(ingest))
    error = str(fail(daily))
    assert ("OLD: Expected days" in error, "begins 1970-01-01" in error) == (True, True)
    ((reason, detail),) = rows("SELECT reason, detail FROM quarantines")
    assert (reason, "begins 1970-01-01" in detail) == ("sessions_unknown", True)


def test_gaps_of_a_history_that_begins_before_the_calendar_are_unknown(folder: Path) -> None:
    days = pd.bdate_range("1968-01-02", "1972-06-30").date
    write(
        folder, "OLD", pd.DataFrame({"close": 50.0 + np.arange(len(days)) % 7}, pd.Index(days, name="date"))
    )
    complete(ingest)
    (status,) = json.loads(CliRunner().invoke(app, ["prices", "status", "--json"]).stdout)
    assert (status["first"], status["gaps"]) == ("1968-01-02", None)
    assert "OLD: gaps are unknown" in CliRunner().invoke(app, ["prices", "status"]).stdout


def test_indices_of_one_exchange_have_its_target_sessions(folder: Path) -> None:
    for seed, ticker in enumerate(("^NSEBANK", "^NSEI")):
        write(folder, ticker, make_prices(seed, "XBOM"))
    complete(daily, horizon=1, retrain="never")
    assert rows("SELECT ticker, target_session FROM forecasts ORDER BY ticker") == [
        ("^NSEBANK", "2020-01-01"),
        ("^NSEI", "2020-01-01"),
    ]


def test_other_tickers_in_place_of_all_get_a_model_of_their_own_once_the_old_market_is_a_month_old(
    folder: Path,
) -> None:
    before = date(2019, 11, 27)
    write(folder, "OLD", make_prices(1, last=before))
    publish(folder)
    (folder / "OLD.csv").unlink()
    write(folder, "NEW", make_prices(2))
    for _ in range(2):
        publish(folder)
    decisions = rows("SELECT as_of, promoted, champion FROM gate_decisions ORDER BY as_of")
    assert decisions == [(str(before), 1, None), (str(LAST), 1, None)]
    assert rows(f"SELECT ticker, quality FROM forecasts WHERE as_of = '{LAST}' AND horizon = 1") == [
        ("NEW", "champion")
    ]
