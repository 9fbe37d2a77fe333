"""Sessions that have been forecast already."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from db import RunRecord, Store
from forecasting.forecast import Forecast

DAY = date(2024, 1, 2)
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def two_days(served: Store, run: RunRecord, forecast: Callable[..., Forecast]) -> Store:
    """Store with AAA issued on the first day, and AAA and BBB backfilled on the second."""
    targets = tuple(day + timedelta(days=1) for day in forecast().target_sessions)
    later = [replace(forecast(ticker), as_of=NEXT, target_sessions=targets) for ticker in ("AAA", "BBB")]
    with served.writing() as tx:
        tx.forecasts.publish(tx.forecasts.prepare(run, [forecast("AAA")]))
        tx.forecasts.publish(
            tx.forecasts.prepare(replace(run, run_id="r2", as_of=NEXT, kind="backfill"), later)
        )
    return served


def test_forecasts_count_from_first_to_last_day_where_they_reach_the_horizon(two_days: Store) -> None:
    with two_days.reading() as tx:
        assert tx.forecasts.load_completed(DAY, NEXT, 3) == {("AAA", DAY), ("AAA", NEXT), ("BBB", NEXT)}
        assert tx.forecasts.load_completed(DAY, DAY, 3) == {("AAA", DAY)}
        assert tx.forecasts.load_completed(NEXT, NEXT, 4) == set()


def test_what_was_issued_live_is_complete_whatever_its_horizon(two_days: Store) -> None:
    with two_days.reading() as tx:
        assert tx.forecasts.load_completed(DAY, NEXT, 4) == {("AAA", DAY)}


def test_only_what_was_issued_on_its_day_counts_as_live(two_days: Store) -> None:
    with two_days.reading() as tx:
        assert tx.forecasts.load_issued_live(DAY) == {("AAA", DAY)}
        assert tx.forecasts.load_issued_live(NEXT) == set()


def test_first_sessions_are_those_of_the_first_forecast(two_days: Store) -> None:
    with two_days.reading() as tx:
        assert tx.forecasts.load_first_sessions() == {"AAA": DAY, "BBB": NEXT}


def test_another_source_has_none_of_it(two_days: Store) -> None:
    with two_days.for_source("yahoo").reading() as tx:
        assert tx.forecasts.load_completed(DAY, NEXT, 3) == set()
        assert tx.forecasts.load_issued_live(DAY) == set()
        assert tx.forecasts.load_first_sessions() == {}
