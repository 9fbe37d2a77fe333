"""Rows of a made-up walk: 30 dates, three tickers, a forecaster that is right and one that is too narrow."""

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

LEVELS = tuple(round(step / 20, 2) for step in range(1, 20))
HORIZONS = (1, 5)
SCALES = {"random_walk": 1.0, "calibrated": 1.0, "mc_dropout": 0.1, "wide": 2.0}
MakeRows = Callable[..., pd.DataFrame]


def make_rows(dates: int = 30, tickers: int = 3, seed: int = 4, **scales: float) -> pd.DataFrame:
    """Normal forecasts of a normal outcome whose volatility rises from date to date."""
    rng = np.random.default_rng(seed)
    normal = np.array([NormalDist().inv_cdf(level) for level in LEVELS])
    rows = []
    for place, as_of in enumerate(pd.bdate_range("2015-01-02", periods=dates, freq="5B")):
        for ticker in range(tickers):
            for horizon in HORIZONS:
                sigma = (0.01 + 0.001 * place) * np.sqrt(horizon)
                actual = rng.normal(0, sigma)
                target = as_of + pd.offsets.BDay(horizon)
                for method, scale in (scales or SCALES).items():
                    rows += [
                        (f"T{ticker}", as_of, target, horizon, method, level, scale * sigma * z, actual)
                        for level, z in zip(LEVELS, normal, strict=True)
                    ]
    names = "ticker as_of target_session horizon method level log_return actual_log_return"
    return pd.DataFrame(rows, columns=names.split())


@pytest.fixture(scope="package")
def rows() -> pd.DataFrame:
    return make_rows()


@pytest.fixture(scope="package")
def many_rows() -> MakeRows:
    return make_rows
