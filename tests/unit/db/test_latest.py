"""`latest_forecast` shows the newest bands of those that are still forecast, and how old they are."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from publishing import publish

from db import RunRecord, Store
from db.engine import reading, writing
from db.migrate import downgrade, upgrade
from db.schema import instruments, latest_forecast
from forecasting.forecast import Forecast

DAY, NEXT = date(2024, 1, 2), date(2024, 1, 3)
TARGETS = (date(2024, 1, 4), date(2024, 1, 5))

MakeForecast = Callable[..., Forecast]


@pytest.fixture
def later(run: RunRecord) -> RunRecord:
    """Run of the session after."""
    return replace(run, run_id="r2", as_of=NEXT)


@pytest.fixture
def first_day(served: Store, run: RunRecord, forecast: MakeForecast) -> Store:
    """Store with AAA, BBB and CCC from the first session."""
    publish(served, run, *(forecast(ticker) for ticker in ("AAA", "BBB", "CCC")))
    return served


def show(store: Store, *columns: str) -> list[tuple[Any, ...]]:
    """Distinct values of some columns of the view, sorted."""
    query = sa.select(*(latest_forecast.c[name] for name in columns)).distinct()
    with reading(store.engine) as connection:
        return sorted(tuple(row) for row in connection.execute(query))


def test_a_ticker_that_is_no_longer_forecast_leaves_and_stays_in_the_table(
    first_day: Store, later: RunRecord, forecast: MakeForecast
) -> None:
    publish(first_day, later, forecast(as_of=NEXT, target_sessions=TARGETS, horizon=2))
    assert show(first_day, "ticker", "as_of") == [("AAA", NEXT)]
    with first_day.reading() as tx:
        assert tx.forecasts.list_newest() == [("AAA", NEXT)]
        assert set(tx.forecasts.load_latest()["ticker"]) == {"AAA"}
        assert set(tx.forecasts.load_latest(["BBB"])["as_of"]) == {DAY}
        assert [ticker for ticker, _ in tx.forecasts.list_newest(until=DAY)] == ["AAA", "BBB", "CCC"]
        assert tx.outcomes.list_tickers() == ["AAA", "BBB", "CCC"]


def test_a_ticker_that_was_left_out_stays_with_its_age(
    first_day: Store, later: RunRecord, forecast: MakeForecast
) -> None:
    left_out = replace(later, quarantined='{"BBB": "stale"}')
    publish(
        first_day, left_out, forecast(as_of=NEXT, target_sessions=TARGETS, horizon=2), AAA=0, BBB=1, CCC=1
    )
    assert show(first_day, "ticker", "as_of", "age_sessions") == [("AAA", NEXT, 0), ("BBB", DAY, 1)]


def test_runs_of_the_newest_session_make_one_universe_and_an_older_session_changes_none(
    first_day: Store, later: RunRecord, forecast: MakeForecast
) -> None:
    for number, ticker in enumerate(("AAA", "BBB")):
        band = forecast(ticker, as_of=NEXT, target_sessions=TARGETS, horizon=2)
        publish(first_day, replace(later, run_id=f"n{number}"), band)
    older = replace(later, run_id="o", as_of=date(2024, 1, 1), kind="backfill")
    publish(first_day, older, forecast("CCC", as_of=date(2024, 1, 1)), forecast(as_of=date(2024, 1, 1)))
    assert show(first_day, "ticker", "as_of") == [("AAA", NEXT), ("BBB", NEXT)]


def test_each_source_has_its_own_newest_session(
    first_day: Store, later: RunRecord, forecast: MakeForecast
) -> None:
    band = forecast(as_of=NEXT, target_sessions=TARGETS, horizon=2)
    publish(first_day.for_source("yahoo"), replace(later, source="yahoo"), band)
    assert show(first_day, "source", "ticker", "as_of") == [
        ("sample", "AAA", DAY),
        ("sample", "BBB", DAY),
        ("sample", "CCC", DAY),
        ("yahoo", "AAA", NEXT),
    ]


def test_it_names_kind_currency_and_name(
    first_day: Store, later: RunRecord, forecast: MakeForecast, save_prices: Callable[..., None]
) -> None:
    save_prices(first_day, {"2024-01-02": 100.0}, {})
    with writing(first_day.engine) as connection:
        connection.execute(sa.update(instruments).values(currency="GBp", name="A plc"))
    late = replace(later, as_of=DAY, kind="backfill")
    publish(first_day, late, forecast("DDD"))
    assert show(first_day, "ticker", "kind") == [
        ("AAA", "live"),
        ("BBB", "live"),
        ("CCC", "live"),
        ("DDD", "backfill"),
    ]
    with first_day.reading() as tx:
        latest = tx.forecasts.load_latest(["AAA"])
    assert set(zip(latest["currency"], latest["name"], latest["kind"], strict=True)) == {
        ("GBp", "A plc", "live")
    }


def test_an_upgraded_store_has_the_universe_of_its_runs(
    first_day: Store, later: RunRecord, forecast: MakeForecast
) -> None:
    publish(first_day, later, forecast(as_of=NEXT, target_sessions=TARGETS, horizon=2))
    downgrade(first_day.engine, "0005")
    with writing(first_day.engine) as connection:
        row = "('sample', 'BBB', '2024-01-03', 'stale', '', '2024-01-03 22:00:00')"
        failed = "('sample', 'CCC', '2024-01-04', 'stale', '', '2024-01-04 22:00:00')"  # of a run that failed
        connection.exec_driver_sql(f"INSERT INTO quarantines VALUES {row}, {failed}")
    upgrade(first_day.engine)
    assert show(first_day, "ticker", "as_of") == [("AAA", NEXT), ("BBB", DAY)]
