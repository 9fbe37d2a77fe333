"""Closed forecasts with a known fault."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

MakeClosed = Callable[..., pd.DataFrame]


def closed_forecasts(dates: int, tickers: int = 12, *, scale: float = 1.0, seed: int = 1) -> pd.DataFrame:
    """Bands of a standard normal at horizons 1, 2 and 5; outcomes are `scale` times as wide as they say."""
    stream = np.random.default_rng(seed)
    days = pd.bdate_range("2020-01-01", periods=dates).to_numpy("datetime64[s]")
    day, ticker, horizon = (
        axis.ravel() for axis in np.meshgrid(days, range(tickers), (1, 2, 5), indexing="ij")
    )
    edge = 1.6448536269514722
    return pd.DataFrame(
        {
            "ticker": [f"T{number:02d}" for number in ticker],
            "as_of": day,
            "horizon": horizon,
            "regime": np.where((day - days[0]).astype("timedelta64[D]").astype(int) % 2, "calm", "stress"),
            "actual": scale * stream.standard_normal(len(day)),
            "lower": -edge,
            "median": 0.0,
            "upper": edge,
            "calibrated_lower": -edge,
            "calibrated_upper": edge,
        }
    )


@pytest.fixture(scope="session")
def make_closed() -> MakeClosed:
    return closed_forecasts
