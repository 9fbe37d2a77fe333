"""What a baseline may know: the same window as the network, and nothing later."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from forecasting.baselines.past import past_of

from forecasting.errors import ShortHistoryError
from forecasting.features.lookback import WARM_UP
from forecasting.model.dataset import build_series


@pytest.mark.parametrize("sessions", [WARM_UP + 1, 300, 500, 501, 700])
def test_the_window_is_the_one_that_the_network_would_read(make_history, calm_market, sessions):
    bars = make_history("A", sessions, seed=4).bars
    found = past_of("A", bars, calm_market)
    expected = build_series("A", bars, calm_market, ("rsi",), 1).window
    for name in ("returns", "ranges", "market", "surprises"):
        np.testing.assert_array_equal(getattr(found.window, name), getattr(expected, name))


def test_the_returns_end_at_as_of(make_history, calm_market):
    bars = make_history("A", 200, seed=4).bars
    found = past_of("A", bars.iloc[:150], calm_market)
    assert found.as_of == bars.index[149].date()
    assert found.as_of < date(2024, 6, 5)
    assert len(found.returns) == 149
    assert found.returns[-1] == pytest.approx(np.log(bars["close"].iloc[149] / bars["close"].iloc[148]))


def test_a_market_that_is_known_later_is_not_looked_at(make_history, calm_market):
    bars = make_history("A", 200, seed=4).bars.iloc[:150]
    later = calm_market.mask(calm_market.index > bars.index[-1], 99.0)
    assert past_of("A", bars, later).window.market[-150:].tolist() == [1.0] * 150


def test_too_few_sessions_are_refused(make_history, calm_market):
    with pytest.raises(ShortHistoryError, match="at least 64 sessions of history, found 63"):
        past_of("A", make_history("A", WARM_UP, seed=4).bars, calm_market)


def test_the_newest_returns_at_most(past):
    assert past.last_returns(10, needed=5).tolist() == past.returns[-10:].tolist()
    with pytest.raises(ShortHistoryError, match="at least 1001 sessions of history, found 900"):
        past.last_returns(10, needed=1000)


def test_a_past_of_nothing_is_refused(calm_market):
    with pytest.raises(ShortHistoryError):
        past_of("A", pd.DataFrame({"close": []}), calm_market)
