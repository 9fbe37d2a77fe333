"""The last trailing window of a ticker: that of the network for every method, and nothing later."""

import numpy as np
import pandas as pd
import pytest
from synthetic_prices import make_returns

from forecasting.errors import ShortHistoryError
from forecasting.features.lookback import WARM_UP
from forecasting.model.dataset import build_ticker_features
from forecasting.pipeline import build_last_window

MARKET = pd.Series(1.0, pd.bdate_range("2016-01-01", "2024-12-31").as_unit("s"))


@pytest.mark.parametrize("sessions", [WARM_UP + 1, 300, 500, 501, 700])
def test_the_window_is_the_one_that_the_network_would_read(sessions: int) -> None:
    returns = make_returns("A", sessions, seed=4)
    window = build_last_window(returns, MARKET)
    expected = build_ticker_features(returns, MARKET, ("rsi",), lookback=1).window
    for name in ("returns", "ranges", "market", "surprises"):
        np.testing.assert_array_equal(getattr(window, name), getattr(expected, name))


def test_the_window_ends_at_the_last_session() -> None:
    whole = make_returns("A", 200, seed=4)
    window = build_last_window(whole.until(whole.session[149].item()), MARKET)
    np.testing.assert_array_equal(window.returns[-149:], whole.log_return[1:150])
    assert np.isnan(window.returns[:-149]).all()


def test_a_market_that_is_known_later_is_not_looked_at() -> None:
    whole = make_returns("A", 200, seed=4)
    cut = whole.until(whole.session[149].item())
    later = MARKET.mask(MARKET.index > pd.Timestamp(cut.last_session), 99.0)
    assert build_last_window(cut, later).market[-150:].tolist() == [1.0] * 150


@pytest.mark.parametrize("sessions", [WARM_UP, 1])
def test_too_few_sessions_are_refused(sessions: int) -> None:
    with pytest.raises(ShortHistoryError, match=f"at least 64 sessions of history, found {sessions}"):
        build_last_window(make_returns("A", sessions, seed=4), MARKET)


def test_returns_without_a_session_are_refused() -> None:
    nothing = make_returns("A", 100, seed=4).until(pd.Timestamp("2000-01-03").date())
    with pytest.raises(ShortHistoryError, match="found 0"):
        build_last_window(nothing, MARKET)
