"""The random walk, by hand."""

import numpy as np
import pytest
from forecasting.baselines.past import past_of

from forecasting.baselines.random_walk import random_walk
from forecasting.features.lookback import VOLATILITY_FLOOR


def test_by_hand_on_returns_of_one_size(make_bars, calm_market, simulation):
    past = past_of("A", make_bars(np.tile([0.02, -0.02], 100)), calm_market)
    found = random_walk(past, simulation)
    assert found.shape == (10, 5)
    assert found[0] == pytest.approx(0.02 * np.array([-1.644854, -0.674490, 0, 0.674490, 1.644854]), rel=1e-6)
    assert found[3] == pytest.approx(2 * found[0])  # sqrt(4)


def test_it_follows_the_newest_volatility(make_bars, calm_market, simulation):
    returns = np.tile([0.01, -0.01], 100)
    before = random_walk(past_of("A", make_bars(returns), calm_market), simulation)
    after = random_walk(past_of("A", make_bars(np.append(returns, 0.1)), calm_market), simulation)
    weights = 0.94 ** np.arange(63)
    expected = np.sqrt((1e-4 * weights[1:].sum() + 1e-2) / weights.sum())
    assert after[0, 4] / before[0, 4] == pytest.approx(expected / 0.01)


def test_a_flat_series_has_a_narrow_finite_band(make_bars, calm_market, simulation):
    found = random_walk(past_of("A", make_bars(np.zeros(200)), calm_market), simulation)
    assert found[0, 4] == pytest.approx(1.644854 * 0.1 * VOLATILITY_FLOOR)
