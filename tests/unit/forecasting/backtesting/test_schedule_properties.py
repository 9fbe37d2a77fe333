"""Whatever the span and the pace: a plan looks forward only, and wastes no session."""

from datetime import date
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.backtesting.schedule import FIRST_FIT, WARM_UP_EVERY, Plan, WalkConfig, plan_walk

SESSIONS = pd.bdate_range("2010-01-01", "2014-12-31")
LAST = len(SESSIONS) - 1


@st.composite
def walks(draw: st.DrawFn) -> WalkConfig:
    first = draw(st.integers(FIRST_FIT, LAST))
    last = draw(st.integers(first, LAST))
    return WalkConfig(
        start=SESSIONS[first].date(),
        end=SESSIONS[last].date(),
        every=draw(st.integers(1, 60)),
        retrain_every=draw(st.integers(1, 300)),
        warm_up_sessions=draw(st.integers(0, 800)),
    )


def places(days: tuple[date, ...]) -> list[int]:
    return [int(SESSIONS.get_loc(pd.Timestamp(day))) for day in days]


@settings(max_examples=60, deadline=None)
@given(walks())
def test_a_plan_keeps_its_promises(walk: WalkConfig) -> None:
    plan: Plan = plan_walk(SESSIONS, walk)
    origins, reported, fits = places(plan.origins), places(plan.reported), places(plan.fits)

    assert plan.reported[0] == walk.start
    assert walk.end >= plan.reported[-1]
    assert walk.end < (SESSIONS[reported[-1]] + pd.offsets.BDay(walk.every)).date()
    assert {later - one for one, later in pairwise(reported)} <= {walk.every}

    step = max(walk.every, WARM_UP_EVERY)
    warm_up = [*places(plan.warm_up), reported[0]]
    assert {later - one for one, later in pairwise(warm_up)} <= {step}
    assert warm_up[0] >= max(FIRST_FIT, reported[0] - walk.warm_up_sessions)
    assert warm_up[0] - step < max(FIRST_FIT, reported[0] - walk.warm_up_sessions)

    assert fits[0] == origins[0]
    assert {later - one for one, later in pairwise(fits)} <= {walk.retrain_every}
    for origin in plan.origins:
        age = places((origin,))[0] - places((plan.fit_of(origin),))[0]
        assert 0 <= age < walk.retrain_every


@pytest.mark.parametrize("every", [1, 7])
def test_a_span_of_one_session_is_one_origin(every: int) -> None:
    day = SESSIONS[900].date()
    plan = plan_walk(SESSIONS, WalkConfig(start=day, end=day, every=every, warm_up_sessions=0))
    assert plan.origins == plan.reported == plan.fits == (day,)
