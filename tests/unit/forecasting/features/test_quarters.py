"""Surprises of earlier quarters as a feature of the sessions ahead; no simulated session is read."""

import numpy as np
import pytest

from forecasting.features.lookback import WINDOW, Lookback
from forecasting.features.registry import compute_features
from forecasting.features.surprises import BLUR, QUARTER, build_quarter_feature
from forecasting.types import Floats

LONGEST = 30  # sessions ahead


def build_window(surprises: Floats) -> Lookback:
    rest = np.full(WINDOW, 0.01)
    return Lookback(rest, rest**2, np.ones(WINDOW), surprises)


def report_once(sessions_ago: int, score: float = 6.0) -> Lookback:
    surprises = np.zeros(WINDOW)
    surprises[-1 - sessions_ago] = score
    return build_window(surprises)


@pytest.mark.parametrize("quarters", [1, 2, 3, 4])
def test_a_report_comes_back_a_quarter_later(quarters: int) -> None:
    feature = build_quarter_feature(quarters)
    due_tomorrow = QUARTER * quarters - 1
    assert feature(report_once(due_tomorrow), 1) == pytest.approx(6 * 4 / 16)
    assert feature(report_once(due_tomorrow + BLUR), 1) == pytest.approx(6 * 1 / 16)
    assert feature(report_once(due_tomorrow + BLUR + 1), 1) == 0


def test_over_many_sessions_it_counts_once_wherever_it_falls() -> None:
    feature = build_quarter_feature(1)
    for falls_on in (BLUR + 1, 10, LONGEST - BLUR):
        assert feature(report_once(QUARTER - falls_on), LONGEST) == pytest.approx(6 / LONGEST)


def test_an_unknown_surprise_counts_as_the_mean_of_the_ticker() -> None:
    young = np.full(WINDOW, np.nan)
    young[-100:] = np.resize([0.0, 0.2], 100)  # a quarter ago it was listed, four quarters ago not
    assert build_quarter_feature(4)(build_window(young), 5) == pytest.approx(0.1)
    assert build_quarter_feature(1)(build_window(young), 1) == pytest.approx(0.1, abs=0.02)
    assert build_quarter_feature(4)(build_window(np.full(WINDOW, np.nan)), 5) == 0


@pytest.mark.parametrize("ahead", [1, 5, LONGEST])
def test_the_sessions_that_a_simulation_adds_are_never_read(ahead: int) -> None:
    observed = np.random.default_rng(1).exponential(0.1, WINDOW)
    simulated = observed.copy()
    simulated[-LONGEST:] = 1e9
    for quarters in (1, 2, 3, 4):
        feature = build_quarter_feature(quarters)
        assert feature(build_window(simulated), ahead) == feature(build_window(observed), ahead)


def test_only_the_quarters_depend_on_how_far_ahead_the_forecast_looks() -> None:
    window = report_once(QUARTER - 5)
    names = ("rsi", "quarter_1", "volatility_94")
    near, far = (compute_features(window, names, ahead) for ahead in (1, 5))
    assert near[[0, 2]].tolist() == far[[0, 2]].tolist()
    assert near[1] == 0 < far[1]
