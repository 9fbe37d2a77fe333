"""Drift of coverage: found where it is there, and not for chance or for too little."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting.config import MonitoringConfig
from forecasting.evaluation.monitoring import find_drifts

FIRST = date(2024, 1, 1)
CONFIG = MonitoringConfig()


def make_closed(share_inside: float, sessions: int = 60, tickers: int = 20, horizon: int = 1) -> pd.DataFrame:
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
def test_coverage_below_or_above_the_nominal_is_drift(share: float) -> None:
    (found,) = find_drifts(make_closed(share), 0.9, CONFIG)
    assert found.coverage == pytest.approx(share)
    assert (found.horizon, found.nominal, found.outcomes, found.sessions) == (1, 0.9, 1200, 60)


@pytest.mark.parametrize("share", [0.85, 0.9, 0.95])
def test_five_points_are_not_drift(share: float) -> None:
    assert find_drifts(make_closed(share), 0.9, CONFIG) == []


def test_too_few_sessions_are_not_judged() -> None:
    assert find_drifts(make_closed(0.0, sessions=CONFIG.fewest_sessions - 1), 0.9, CONFIG) == []
    assert find_drifts(make_closed(0.0, sessions=0), 0.9, CONFIG) == []


def test_overlapping_bands_count_for_less() -> None:
    assert find_drifts(make_closed(0.8), 0.9, CONFIG) != []
    assert find_drifts(make_closed(0.8, horizon=10), 0.9, CONFIG) == []


def test_only_the_last_sessions_are_judged() -> None:
    late = make_closed(0.9)
    late["as_of"] += timedelta(days=365)
    assert find_drifts(pd.concat([make_closed(0.2), late]), 0.9, CONFIG) == []


@pytest.mark.parametrize(
    ("changes", "drifts"),
    [
        ({}, True),
        ({"horizons": (5, 10)}, False),  # nothing of them has closed
        ({"tolerance": 0.2}, False),
        ({"standard_errors": 20.0}, False),
        ({"fewest_sessions": 61}, False),
        ({"sessions": 15, "fewest_sessions": 20}, False),
    ],
)
def test_each_limit_is_a_setting(changes: dict[str, Any], drifts: bool) -> None:
    found = find_drifts(make_closed(0.75), 0.9, MonitoringConfig(**changes))
    assert bool(found) is drifts
