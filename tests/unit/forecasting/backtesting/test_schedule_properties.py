"""Whatever the span and the pace: a schedule looks forward only, and wastes no session."""

from datetime import date
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.backtesting.schedule import Schedule, schedule_walk
from forecasting.config import BacktestConfig

SESSIONS = pd.bdate_range("2010-01-01", "2014-12-31")
LAST = len(SESSIONS) - 1
FIRST_FIT = 400


@st.composite
def walks(draw: st.DrawFn) -> BacktestConfig:
    first = draw(st.integers(FIRST_FIT, LAST))
    last = draw(st.integers(first, LAST))
    return BacktestConfig(
        start=SESSIONS[first].date(),
        end=SESSIONS[last].date(),
        every=draw(st.integers(1, 60)),
        retrain_every=draw(st.integers(1, 300)),
        warm_up_sessions=draw(st.integers(0, 800)),
        warm_up_every=draw(st.integers(1, 20)),
        first_fit=FIRST_FIT,
    )


def find_indices(days: tuple[date, ...]) -> list[int]:
    return [int(SESSIONS.get_loc(pd.Timestamp(day))) for day in days]


@settings(max_examples=60)
@given(walks())
def test_a_schedule_keeps_its_promises(walk: BacktestConfig) -> None:
    schedule: Schedule = schedule_walk(SESSIONS, walk)
    origins, reported, fits = (
        find_indices(schedule.origins),
        find_indices(schedule.reported),
        find_indices(schedule.fits),
    )

    assert schedule.reported[0] == walk.start
    assert walk.end >= schedule.reported[-1]
    assert walk.end < (SESSIONS[reported[-1]] + pd.offsets.BDay(walk.every)).date()
    assert {later - earlier for earlier, later in pairwise(reported)} <= {walk.every}

    step = max(walk.every, walk.warm_up_every)
    warm_up = [*find_indices(schedule.warm_up), reported[0]]
    assert {later - earlier for earlier, later in pairwise(warm_up)} <= {step}
    assert warm_up[0] >= max(walk.first_fit, reported[0] - walk.warm_up_sessions)
    assert warm_up[0] - step < max(walk.first_fit, reported[0] - walk.warm_up_sessions)

    assert fits[0] == origins[0]
    assert {later - earlier for earlier, later in pairwise(fits)} <= {walk.retrain_every}
    for origin in schedule.origins:
        age = find_indices((origin,))[0] - find_indices((schedule.find_fit(origin),))[0]
        assert 0 <= age < walk.retrain_every


@pytest.mark.parametrize("every", [1, 7])
def test_a_span_of_one_session_is_one_origin(every: int) -> None:
    day = SESSIONS[900].date()
    schedule = schedule_walk(SESSIONS, BacktestConfig(start=day, end=day, every=every, warm_up_sessions=0))
    assert schedule.origins == schedule.reported == schedule.fits == (day,)
