"""What the quarter before knows of the sessions ahead, and that no simulated session is read."""

import numpy as np
import pytest

from forecasting.features.earnings import BLUR, QUARTER, quarters_ago
from forecasting.features.lookback import WINDOW, Trailing
from forecasting.features.registry import compute_features

LONGEST = 30  # sessions ahead


def window_of(surprises):
    rest = np.full(WINDOW, 0.01)
    return Trailing(rest, rest**2, np.ones(WINDOW), surprises)


def one_report(sessions_ago, score=6.0):
    surprises = np.zeros(WINDOW)
    surprises[-1 - sessions_ago] = score
    return window_of(surprises)


@pytest.mark.parametrize("quarters", [1, 2, 3, 4])
def test_a_report_comes_back_a_quarter_later(quarters):
    feature = quarters_ago(quarters)
    due_tomorrow = QUARTER * quarters - 1
    assert feature(one_report(due_tomorrow)) == pytest.approx(6 * 4 / 16)
    assert feature(one_report(due_tomorrow + BLUR)) == pytest.approx(6 * 1 / 16)
    assert feature(one_report(due_tomorrow + BLUR + 1)) == 0


def test_over_many_sessions_it_counts_once_wherever_it_falls():
    feature = quarters_ago(1)
    for falls_on in (BLUR + 1, 10, LONGEST - BLUR):
        assert feature(one_report(QUARTER - falls_on), LONGEST) == pytest.approx(6 / LONGEST)


def test_what_is_not_known_counts_as_what_the_ticker_has_on_average():
    young = np.full(WINDOW, np.nan)
    young[-100:] = np.resize([0.0, 0.2], 100)  # a quarter ago it was listed, four quarters ago not
    assert quarters_ago(4)(window_of(young), 5) == pytest.approx(0.1)
    assert quarters_ago(1)(window_of(young), 1) == pytest.approx(0.1, abs=0.02)
    assert quarters_ago(4)(window_of(np.full(WINDOW, np.nan)), 5) == 0


@pytest.mark.parametrize("ahead", [1, 5, LONGEST])
def test_the_sessions_that_a_simulation_adds_are_never_read(ahead):
    known = np.random.default_rng(1).exponential(0.1, WINDOW)
    simulated = known.copy()
    simulated[-LONGEST:] = 1e9
    for quarters in (1, 2, 3, 4):
        feature = quarters_ago(quarters)
        assert feature(window_of(simulated), ahead) == feature(window_of(known), ahead)


def test_only_the_quarters_depend_on_how_far_ahead_the_forecast_looks():
    window = one_report(QUARTER - 5)
    names = ("rsi", "quarter_1", "volatility_94")
    near, far = (compute_features(window, names, ahead) for ahead in (1, 5))
    assert near[[0, 2]].tolist() == far[[0, 2]].tolist()
    assert near[1] == 0 < far[1]
