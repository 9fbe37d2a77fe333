"""What a daily run finds to do after an outage, by the setting."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import pytest

from db.engine import writing
from db.records import ModelRecord, Quarantine, RunRecord
from db.repositories.forecasts import ForecastRepository
from db.repositories.models import ModelRepository
from flows.context import Job, open_job, store
from flows.steps.missing_sessions import make_plan, missing_sessions
from forecasting.calendars.sessions import next_sessions
from forecasting.forecast import BANDS, Forecast

NOW = datetime(2013, 3, 4, tzinfo=UTC)
LAST = date(2013, 3, 1)
WEEK = (date(2013, 2, 25), date(2013, 2, 26), date(2013, 2, 27), date(2013, 2, 28))


def bands_of(ticker: str, as_of: date, horizon: int = 30) -> Forecast:
    return Forecast(
        ticker=ticker,
        as_of=as_of,
        anchor_close=100.0,
        target_sessions=tuple(next_sessions("XNYS", as_of, horizon)),
        levels=(0.05, 0.5, 0.95),
        log_returns=dict.fromkeys(BANDS, np.log([0.9, 1.0, 1.1]) * np.ones((horizon, 1))),
        model_variance=np.full(horizon, 1e-4),
        noise_variance=np.full(horizon, 2e-4),
        quality="champion",
        data_fingerprint="f",
        regime="normal",
        outcomes=(0,) * horizon,
    )


def publish(job: Job, forecasts: Sequence[Forecast]) -> None:
    model = ModelRecord("m", "sample", date(2013, 1, 2), b"", "{}", {}, "f", NOW)
    with writing(store(job.settings.url)) as connection:
        ModelRepository(connection).add(model)
        for one in forecasts:
            run_id = f"{one.ticker}-{one.as_of}"
            run = RunRecord(run_id, "sample", one.as_of, "m", 7, "{}", "f", "0", "{}", None, NOW)
            ForecastRepository(connection).publish(run, [one])


@pytest.fixture
def job() -> Job:
    """Two tickers on the first of March; of the week before, Tuesday and Thursday lack bands."""
    opened = open_job(NOW, LAST, tickers=["AAPL", "IBM"], source="sample")
    issued = [(ticker, day) for day in (WEEK[0], WEEK[2]) for ticker in ("AAPL", "IBM")]
    publish(opened, [bands_of(ticker, day) for ticker, day in [*issued, ("AAPL", WEEK[3])]])
    return opened


def test_missing_sessions_are_reported_and_only_the_own_one_is_published(job: Job) -> None:
    plan = make_plan(job, None, "report", 10, force=False)
    assert plan.missing == (WEEK[1], WEEK[3])
    assert [(one.as_of, one.kind) for one in plan.jobs] == [(LAST, "live")]


def test_missing_sessions_are_filled_before_the_own_one_oldest_first(job: Job) -> None:
    plan = make_plan(job, None, "fill", 10, force=False)
    found = [(one.as_of, one.kind) for one in plan.jobs]
    assert found == [(WEEK[1], "backfill"), (WEEK[3], "backfill"), (LAST, "live")]


def test_off_looks_for_nothing(job: Job) -> None:
    assert make_plan(job, None, "off", 10, force=False).missing == ()


@pytest.mark.parametrize(
    ("look_back", "found"), [(1, WEEK[3:]), (3, (WEEK[1], WEEK[3])), (60, (WEEK[1], WEEK[3]))]
)
def test_the_look_back_is_bounded_and_nothing_is_missing_before_the_first_forecast(
    job: Job, look_back: int, found: tuple[date, ...]
) -> None:
    assert missing_sessions(job, look_back) == found


def test_a_ticker_that_was_left_out_with_a_reason_is_not_missing(job: Job) -> None:
    with writing(store(job.settings.url)) as connection:
        left = [Quarantine("sample", "IBM", WEEK[3], "stale", "no bar", NOW)]
        ForecastRepository(connection).quarantine(left)
    assert missing_sessions(job, 10) == (WEEK[1],)


def test_a_shorter_horizon_than_asked_for_is_no_complete_session(job: Job) -> None:
    publish(job, [bands_of(ticker, WEEK[1], horizon=5) for ticker in ("AAPL", "IBM")])
    assert WEEK[1] in missing_sessions(job, 10)


@pytest.mark.parametrize("force", [False, True])
def test_a_complete_session_rests_unless_it_is_forced(job: Job, force: bool) -> None:
    publish(job, [bands_of(ticker, LAST) for ticker in ("AAPL", "IBM")])
    plan = make_plan(job, None, "report", 10, force=force)
    assert bool(plan.jobs) is force
    assert ("are complete; set force" in plan.sentence()) is not force
    assert str(WEEK[1]) in plan.sentence()
