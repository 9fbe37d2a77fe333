"""The past of a synthetic ticker, and the settings that the baselines answer under."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from forecasting.baselines.past import Past, past_of

from forecasting.config import SimulationConfig
from forecasting.prices.history import PriceHistory

MakeBars = Callable[..., pd.DataFrame]


@pytest.fixture(scope="session")
def simulation() -> SimulationConfig:
    return SimulationConfig(horizon=10, dropout_runs=50, noise_paths=20)


@pytest.fixture(scope="session")
def calm_market() -> pd.Series:
    index = pd.bdate_range("2016-01-01", "2024-12-31").as_unit("s")
    return pd.Series(1.0, index)


@pytest.fixture(scope="session")
def make_bars() -> MakeBars:
    """Bars whose log returns are those given; nothing but closes, so that ranges fall back on them."""

    def make(returns: np.ndarray) -> pd.DataFrame:
        close = 100 * np.exp(np.append(0.0, np.cumsum(returns)))
        index = pd.bdate_range(end="2024-06-05", periods=len(close)).as_unit("s")
        unknown = dict.fromkeys(("open", "high", "low", "volume"), np.nan)
        return pd.DataFrame({**unknown, "close": close}, index)

    return make


@pytest.fixture(scope="session")
def past(make_history: Callable[..., PriceHistory], calm_market: pd.Series) -> Past:
    return past_of("OLD", make_history("OLD", 900, seed=1).bars, calm_market)
