"""Origins and fits over the market's sessions."""

from datetime import date
from itertools import pairwise

import pandas as pd
import pytest
from pydantic import ValidationError

from forecasting.backtesting.schedule import FIRST_FIT, WalkConfig, plan_walk
from forecasting.errors import UsageError

SESSIONS = pd.bdate_range("2010-01-01", "2015-12-31")
START, END = date(2014, 1, 1), date(2014, 12, 31)


def between(first: date, last: date) -> tuple[date, ...]:
    return tuple(day.date() for day in SESSIONS if first <= day.date() <= last)


def test_origins_are_every_so_many_sessions_from_the_start() -> None:
    plan = plan_walk(SESSIONS, WalkConfig(start=START, end=END, every=10))
    assert plan.reported == between(START, END)[::10]


def test_the_warm_up_ends_one_step_before_the_start_and_keeps_the_pace() -> None:
    plan = plan_walk(SESSIONS, WalkConfig(start=START, end=END, every=10, warm_up_sessions=100))
    places = [SESSIONS.get_loc(pd.Timestamp(day)) for day in (*plan.warm_up, plan.reported[0])]
    assert [later - one for one, later in pairwise(places)] == [10] * 10


def test_the_warm_up_of_a_daily_walk_is_weekly() -> None:
    plan = plan_walk(SESSIONS, WalkConfig(start=START, end=END, every=1, warm_up_sessions=100))
    assert len(plan.warm_up) == 20
    assert len(plan.reported) == len(between(START, END))


def test_the_warm_up_reaches_back_as_far_as_history_allows() -> None:
    start = SESSIONS[FIRST_FIT + 23].date()
    plan = plan_walk(SESSIONS, WalkConfig(start=start, end=END, every=5))
    assert plan.warm_up[0] == SESSIONS[FIRST_FIT + 3].date()
    none = plan_walk(SESSIONS, WalkConfig(start=SESSIONS[FIRST_FIT].date(), end=END, every=5))
    assert none.warm_up == ()
    assert none.fits[0] == none.reported[0]


def test_each_origin_is_served_by_the_newest_fit_not_after_it() -> None:
    plan = plan_walk(SESSIONS, WalkConfig(start=START, end=END, every=5, retrain_every=100))
    assert plan.fits[0] == plan.origins[0]
    for origin in plan.origins:
        fit = plan.fit_of(origin)
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
        plan_walk(SESSIONS, WalkConfig(start=start, end=end))


@pytest.mark.parametrize(
    "wrong", [{"end": date(2013, 1, 1)}, {"horizons": (5, 1)}, {"horizons": (0, 1)}, {"horizons": (1, 31)}]
)
def test_a_walk_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WalkConfig(**{"start": START, "end": END} | wrong)
