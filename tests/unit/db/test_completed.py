"""What has been dealt with already, on both databases."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from db.engine import reading, writing
from db.records import Quarantine, RunRecord
from db.repositories.forecasts import ForecastRepository
from db.repositories.progress import ProgressRepository
from forecasting.forecast import Forecast

DAY = date(2024, 1, 2)
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def two_days(served: sa.Engine, run: RunRecord, forecast: Callable[..., Forecast]) -> sa.Engine:
    """AAA issued on the first day; AAA and BBB backfilled, and CCC left out, on the second."""
    later = [replace(forecast(ticker), as_of=NEXT) for ticker in ("AAA", "BBB")]
    moved = [
        replace(one, target_sessions=tuple(day + timedelta(days=1) for day in one.target_sessions))
        for one in later
    ]
    with writing(served) as connection:
        repository = ForecastRepository(connection)
        repository.publish(run, [forecast("AAA")])
        repository.publish(replace(run, run_id="r2", as_of=NEXT, kind="backfill"), moved)
        repository.quarantine([Quarantine("sample", "CCC", NEXT, "stale", "old", datetime.now(UTC))])
    return served


def test_forecasts_count_from_first_to_last_day_where_they_reach_the_horizon(two_days: sa.Engine) -> None:
    with reading(two_days) as connection:
        progress = ProgressRepository(connection, "sample")
        assert progress.forecast(DAY, NEXT, 3) == {("AAA", DAY), ("AAA", NEXT), ("BBB", NEXT)}
        assert progress.forecast(DAY, DAY, 3) == {("AAA", DAY)}
        assert progress.forecast(DAY, NEXT, 4) == set()


def test_only_what_was_issued_on_its_day_counts_as_issued(two_days: sa.Engine) -> None:
    with reading(two_days) as connection:
        progress = ProgressRepository(connection, "sample")
        assert progress.issued(DAY) == {("AAA", DAY)}
        assert progress.issued(NEXT) == set()


def test_left_out_tickers_and_first_sessions_are_known(two_days: sa.Engine) -> None:
    with reading(two_days) as connection:
        progress = ProgressRepository(connection, "sample")
        assert progress.left_out(DAY, NEXT) == {("CCC", NEXT)}
        assert progress.left_out(DAY, DAY) == set()
        assert progress.beginnings() == {"AAA": DAY, "BBB": NEXT}


def test_another_source_has_none_of_it(two_days: sa.Engine) -> None:
    with reading(two_days) as connection:
        progress = ProgressRepository(connection, "yahoo")
        assert (
            progress.forecast(DAY, NEXT, 3) == progress.left_out(DAY, NEXT) == progress.issued(DAY) == set()
        )
        assert progress.beginnings() == {}
