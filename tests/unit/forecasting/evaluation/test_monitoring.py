"""Drift of coverage: told when it is there, and not for chance or for too little."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from forecasting.evaluation.monitoring import FEWEST_SESSIONS, drifts

FIRST = date(2024, 1, 1)


def closed(share_inside: float, sessions: int = 60, tickers: int = 20, horizon: int = 1) -> pd.DataFrame:
    """Bands of -1 to 1, of which a share holds its outcome, every session alike."""
    misses = round((1 - share_inside) * tickers)
    actual = np.r_[np.full(misses, 2.0), np.zeros(tickers - misses)]
    days = np.repeat([FIRST + timedelta(days=day) for day in range(sessions)], tickers)
    return pd.DataFrame(
        {
            "as_of": days,
            "horizon": horizon,
            "actual": np.tile(actual, sessions),
            "calibrated_lower": -1.0,
            "calibrated_upper": 1.0,
        }
    )


@pytest.mark.parametrize("share", [0.5, 0.75, 1.0])
def test_bands_that_hold_too_little_or_too_much_drift(share: float) -> None:
    (found,) = drifts(closed(share), 0.9)
    assert (found.horizon, found.coverage, found.nominal) == (1, pytest.approx(share), 0.9)
    assert (found.outcomes, found.sessions) == (1200, 60)


@pytest.mark.parametrize("share", [0.85, 0.9, 0.95])
def test_five_points_are_not_drift(share: float) -> None:
    assert drifts(closed(share), 0.9) == []


def test_too_few_sessions_say_nothing() -> None:
    assert drifts(closed(0.0, sessions=FEWEST_SESSIONS - 1), 0.9) == []
    assert drifts(closed(0.0, sessions=0), 0.9) == []


def test_overlapping_bands_count_for_less() -> None:
    assert drifts(closed(0.8), 0.9) != []
    assert drifts(closed(0.8, horizon=10), 0.9) == []


def test_only_the_last_sessions_are_judged() -> None:
    late = closed(0.9)
    late["as_of"] += timedelta(days=365)
    assert drifts(pd.concat([closed(0.2), late]), 0.9) == []
