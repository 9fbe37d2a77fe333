"""Lookback windows and exponentially weighted means."""

import numpy as np
import pytest

from forecasting.features.lookback import DECAY, WARM_UP, WINDOW, Lookback, ewma, trailing_windows
from forecasting.types import Floats

UNKNOWN = np.full(WINDOW, np.nan)


def build_window(returns: Floats) -> Lookback:
    return Lookback.of_returns(np.concatenate([UNKNOWN, returns])[-WINDOW:])


def test_ewma_by_hand() -> None:
    assert ewma(np.array([9.0, 4.0, 2.0]), decay=0.5, span=2) == pytest.approx((0.5 * 4 + 1 * 2) / 1.5)
    assert ewma(np.array([1.0, 2.0, 6.0]), decay=1.0, span=3) == pytest.approx(3)


def test_a_row_has_the_same_bits_whatever_stands_beside_it() -> None:
    rows = np.random.default_rng(0).normal(size=(257, WINDOW)) ** 2
    together = ewma(rows, 0.94)
    for count in (1, 2, 3, 5, 64, 255):
        assert np.array_equal(ewma(rows[:count], 0.94), together[:count])


def test_windows_end_at_their_session_and_know_nothing_before_the_first() -> None:
    found = trailing_windows(np.array([1.0, 2.0, 3.0]), width=2)
    np.testing.assert_array_equal(found, [[np.nan, 1], [1, 2], [2, 3]])


def test_the_long_run_volatility_is_over_the_returns_that_exist() -> None:
    assert build_window(np.array([0.03, -0.04])).long_run_volatility == pytest.approx(np.sqrt(0.00125))


def test_the_current_volatility_of_a_steady_series_is_its_size() -> None:
    steady = 0.02 * np.resize([1.0, -1.0], WINDOW)
    assert build_window(steady).volatility == pytest.approx(0.02)


def test_the_current_volatility_follows_the_riskmetrics_weights() -> None:
    returns = np.random.default_rng(1).normal(0, 0.01, WINDOW)
    weights = DECAY ** np.arange(WARM_UP - 1, -1, -1.0)
    twin = np.sqrt(np.average(returns[-WARM_UP:] ** 2, weights=weights))
    assert build_window(returns).volatility == pytest.approx(twin)


def test_a_halt_keeps_a_tenth_of_the_long_run_volatility() -> None:
    halted = np.concatenate([np.full(WINDOW - WARM_UP, 0.02), np.zeros(WARM_UP)])
    assert build_window(halted).volatility == pytest.approx(0.1 * build_window(halted).long_run_volatility)
    assert build_window(np.zeros(WINDOW)).volatility > 0
