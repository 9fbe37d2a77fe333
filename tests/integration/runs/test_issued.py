"""What was issued live stays as it was, whatever is run for its session later, on both databases."""

from datetime import UTC, date, datetime

import pytest
from flow_runs import complete, run_state
from reading_store import dump, rows

from flows.backfill import backfill
from flows.daily import daily
from flows.forecast import forecast

pytestmark = pytest.mark.usefixtures("prefect_url")

DAY = date(2013, 3, 1)
THAT_EVENING, YEARS_LATER = datetime(2013, 3, 2, tzinfo=UTC), datetime(2024, 6, 7, 22, 30, tzinfo=UTC)
ISSUED = ("forecasts", "forecast_quantiles", "forecast_runs", "verifications")


def set_due(monkeypatch: pytest.MonkeyPatch, due: datetime) -> None:
    monkeypatch.setattr("flows.prefect_runtime.flow_support.due", lambda: due)


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("due", [THAT_EVENING, YEARS_LATER])
def test_no_later_run_replaces_live_bands(monkeypatch: pytest.MonkeyPatch, due: datetime) -> None:
    set_due(monkeypatch, THAT_EVENING)
    first = complete(daily, tickers=["IBM"], horizon=3)
    assert rows("SELECT DISTINCT kind FROM latest_forecast") == [("live",)]
    assert not any("Live bands" in note for note in first.notes)
    before = {table: dump()[table] for table in ISSUED}

    set_due(monkeypatch, due)
    kept = "Live bands stay as they were issued, although this run comes to others: IBM of 2013-03-01."
    for flow in (daily, forecast):
        force = {"force": True} if flow is daily else {}
        assert kept in complete(flow, tickers=["IBM"], as_of=DAY, horizon=5, **force).notes
    monkeypatch.setenv("BANDCAST_SIMULATION__SEED", "99")
    assert kept in complete(forecast, tickers=["IBM"], as_of=DAY, horizon=3).notes
    assert run_state(backfill, start=DAY, end=DAY, tickers=["IBM"], horizon=7, force=True).is_completed()
    assert {table: dump()[table] for table in ISSUED} == before


def test_a_run_of_an_earlier_session_is_a_backfill_from_every_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    set_due(monkeypatch, THAT_EVENING)
    complete(daily, tickers=["IBM"], as_of=date(2013, 2, 22), horizon=1)
    complete(forecast, tickers=["IBM"], as_of=date(2013, 2, 21), horizon=1)
    assert run_state(backfill, start=DAY, end=DAY, tickers=["IBM"], horizon=1).is_completed()
    assert rows("SELECT as_of, kind FROM forecast_runs ORDER BY as_of") == [
        ("2013-02-21", "backfill"),
        ("2013-02-22", "backfill"),
        ("2013-03-01", "live"),
    ]
