"""Tokyo and New York in one deployment: a schedule for each, with parameters of its own."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import CronSchedule
from prefect.variables import Variable
from reading_store import rows
from served import AFTER_CLOSE, AUTH_STRING, Served, add_schedule, eventually, runs
from yahoo_imitation import Listing

from flows.prefect_runtime.deploying import deploy
from forecasting.calendars.exchanges import calendar_name
from forecasting.calendars.sessions import calendar_zone, sessions_between

STORE = "postgresql://db.example.com/bands"
SESSION, NEXT = date(2024, 6, 6), date(2024, 6, 7)
ZONES = {"tokyo": "Asia/Tokyo", "new-york": "America/New_York"}
PARAMETERS: dict[str, dict[str, Any]] = {
    "tokyo": {"tickers": ["7203.T,6758.T"]},
    "new-york": {"tickers": ["@variable:america"], "catch_up": "off"},
}


@pytest.fixture
def client(prefect_url: str) -> Iterator[SyncPrefectClient]:
    """Of a server whose daily deployment has a schedule for each exchange, beside those of the files."""
    deploy(prefect_url, AUTH_STRING, store_url=STORE, reset=True)
    with get_client(sync_client=True) as opened:
        for name, zone in ZONES.items():
            schedule = CronSchedule(cron="0 18 * * 1-5", timezone=zone)
            add_schedule(opened, AFTER_CLOSE, name, schedule, **PARAMETERS[name])
        yield opened
    deploy(prefect_url, AUTH_STRING, store_url=STORE, reset=True)


def list_scheduled() -> dict[str, FlowRun] | None:
    """Name of a schedule with parameters -> a run that it has made; None until each has made one."""
    made = {
        name: run
        for name, given in PARAMETERS.items()
        for run in runs()
        if run.auto_scheduled and run.parameters.get("tickers") == given["tickers"]
    }
    return made if len(made) == len(PARAMETERS) else None


def test_each_schedule_makes_runs_with_its_own_parameters_at_its_own_time(
    prefect_url: str, client: SyncPrefectClient
) -> None:
    for name, run in eventually(list_scheduled, "a scheduled run of each exchange").items():
        assert run.parameters == {"catch_up": "fill", **PARAMETERS[name]}
        due = run.expected_start_time
        assert due is not None
        assert datetime.fromtimestamp(due.timestamp(), ZoneInfo(ZONES[name])).hour == 18
    assert deploy(prefect_url, AUTH_STRING, store_url=STORE) == []


@pytest.fixture
def market(served: Served) -> None:
    """Prices of two shares of each exchange, and the universe of one in a variable."""
    for seed, ticker in enumerate(("7203.T", "6758.T", "AAPL", "MSFT")):
        calendar = calendar_name(ticker)
        sessions = sessions_between(calendar, SESSION - timedelta(days=900), NEXT)
        steps = np.random.default_rng(seed).normal(0, 0.01, len(sessions))
        closes = (100 * np.exp(np.cumsum(steps))).round(2).tolist()
        prices = dict(zip(sessions, closes, strict=True))
        served.yahoo.listings[ticker] = Listing(prices, zone=calendar_zone(calendar))
    Variable.set("america", "AAPL, MSFT", overwrite=True)


def list_latest(served: Served) -> list[Any]:
    query = "SELECT DISTINCT ticker, as_of FROM latest_forecast WHERE source = 'yahoo' ORDER BY ticker"
    return rows(query, served.url)


@pytest.mark.long
def test_the_run_of_each_exchange_publishes_its_session_and_the_table_shows_both_from_then_on(
    served: Served, client: SyncPrefectClient, market: None
) -> None:
    first = [("6758.T", str(SESSION)), ("7203.T", str(SESSION))]
    both = [*first, ("AAPL", str(SESSION)), ("MSFT", str(SESSION))]
    newer = [("6758.T", str(NEXT)), ("7203.T", str(NEXT)), *both[2:]]
    common = {"source": "yahoo", "horizon": 5}
    for name, session, expected in (
        ("tokyo", SESSION, first),
        ("new-york", SESSION, both),
        ("tokyo", NEXT, newer),
    ):
        due = datetime.combine(session, time(18), ZoneInfo(ZONES[name])).astimezone(UTC)
        served.run(AFTER_CLOSE, due, **common, **PARAMETERS[name])
        assert list_latest(served) == expected
    assert set(rows("SELECT kind FROM forecast_runs WHERE source = 'yahoo'", served.url)) == {("live",)}
