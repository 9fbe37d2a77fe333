"""Origins and fits over the market's sessions."""

from datetime import date
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from forecasting.backtesting.schedule import schedule_walk
from forecasting.config import BacktestConfig
from forecasting.errors import UsageError

SESSIONS = pd.bdate_range("2010-01-01", "2015-12-31")
START, END = date(2014, 1, 1), date(2014, 12, 31)
FIRST_FIT = BacktestConfig(start=START, end=END).first_fit


def between(first: date, last: date) -> tuple[date, ...]:
    return tuple(day.date() for day in SESSIONS if first <= day.date() <= last)


def test_origins_are_every_so_many_sessions_from_the_start() -> None:
    schedule = schedule_walk(SESSIONS, BacktestConfig(start=START, end=END, every=10))
    assert schedule.reported == between(START, END)[::10]


def test_the_warm_up_ends_one_step_before_the_start_and_keeps_the_pace() -> None:
    schedule = schedule_walk(SESSIONS, BacktestConfig(start=START, end=END, every=10, warm_up_sessions=100))
    indices = [SESSIONS.get_loc(pd.Timestamp(day)) for day in (*schedule.warm_up, schedule.reported[0])]
    assert [later - earlier for earlier, later in pairwise(indices)] == [10] * 10


def test_the_warm_up_of_a_daily_walk_is_weekly() -> None:
    schedule = schedule_walk(SESSIONS, BacktestConfig(start=START, end=END, every=1, warm_up_sessions=100))
    assert len(schedule.warm_up) == 20
    assert len(schedule.reported) == len(between(START, END))


def test_the_warm_up_reaches_back_as_far_as_history_allows() -> None:
    start = SESSIONS[FIRST_FIT + 23].date()
    schedule = schedule_walk(SESSIONS, BacktestConfig(start=start, end=END, every=5))
    assert schedule.warm_up[0] == SESSIONS[FIRST_FIT + 3].date()
    none = schedule_walk(SESSIONS, BacktestConfig(start=SESSIONS[FIRST_FIT].date(), end=END, every=5))
    assert none.warm_up == ()
    assert none.fits[0] == none.reported[0]


def test_each_origin_is_served_by_the_newest_fit_not_after_it() -> None:
    schedule = schedule_walk(SESSIONS, BacktestConfig(start=START, end=END, every=5, retrain_every=100))
    assert schedule.fits[0] == schedule.origins[0]
    for origin in schedule.origins:
        fit = schedule.find_fit(origin)
        assert fit <= origin
        assert len(between(fit, origin)) <= 100


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        (date(2011, 1, 3), END, "Expected at least 400 market sessions .* start on 2011-07-15 or later"),
        (date(2014, 1, 4), date(2014, 1, 5), "Expected market sessions from .* found none"),
        (date(2019, 1, 4), date(2019, 1, 5), "choose a span that the prices cover"),
    ],
)
def test_a_span_without_sessions_or_history_is_refused(start: date, end: date, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        schedule_walk(SESSIONS, BacktestConfig(start=start, end=end))


@pytest.mark.parametrize(
    "wrong", [{"end": date(2013, 1, 1)}, {"horizons": (5, 1)}, {"horizons": (0, 1)}, {"horizons": (1, 31)}]
)
def test_a_walk_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BacktestConfig(**({"start": START, "end": END} | wrong))
