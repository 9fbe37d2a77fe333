"""Closed bands and rows of a walk with a known fault, and forecasters on another price basis."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pandas as pd

from forecasting.pipeline import Forecaster
from forecasting.tables import BACKTEST_ROWS, CLOSED_BANDS
from forecasting.types import PriceBasis

EDGE = NormalDist().inv_cdf(0.95)
SCORE_HORIZONS = (1, 5)
SCORE_LEVELS = tuple(round(step / 20, 2) for step in range(1, 20))
SCALES = {"random_walk": 1.0, "calibrated": 1.0, "mc_dropout": 0.1, "wide": 2.0}


def make_closed(dates: int, tickers: int = 12, *, scale: float = 1.0, seed: int = 1) -> pd.DataFrame:
    """CLOSED_BANDS of a standard normal at horizons 1, 2 and 5; outcomes are `scale` times as wide."""
    stream = np.random.default_rng(seed)
    days = pd.bdate_range("2020-01-01", periods=dates).to_numpy("datetime64[s]")
    day, ticker, horizon = (
        axis.ravel() for axis in np.meshgrid(days, range(tickers), (1, 2, 5), indexing="ij")
    )
    is_odd = (day - days[0]).astype("timedelta64[D]").astype(int) % 2
    frame = pd.DataFrame(
        {
            "ticker": [f"T{index:02d}" for index in ticker],
            "as_of": day,
            "horizon": horizon,
            "regime": np.where(is_odd, "calm", "stress"),
            "actual": scale * stream.standard_normal(len(day)),
            "lower": -EDGE,
            "median": 0.0,
            "upper": EDGE,
            "calibrated_lower": -EDGE,
            "calibrated_upper": EDGE,
            "reports_ahead": 0,
        }
    )
    return CLOSED_BANDS.check(frame)


def make_rows(dates: int = 30, tickers: int = 3, seed: int = 4) -> pd.DataFrame:
    """BACKTEST_ROWS of the methods SCALES: normal forecasts of a normal outcome, ever more volatile.

    Every third date has a report in each window.
    """
    rng = np.random.default_rng(seed)
    normal = np.array([NormalDist().inv_cdf(level) for level in SCORE_LEVELS])
    rows = []
    for index, as_of in enumerate(pd.bdate_range("2015-01-02", periods=dates, freq="5B")):
        for ticker in range(tickers):
            for horizon in SCORE_HORIZONS:
                sigma = (0.01 + 0.001 * index) * np.sqrt(horizon)
                actual = rng.normal(0, sigma)
                target = as_of + pd.offsets.BDay(horizon)
                reports = int(index % 3 == 0)
                for method, scale in SCALES.items():
                    rows += [
                        (
                            f"T{ticker}",
                            as_of,
                            target,
                            horizon,
                            method,
                            level,
                            scale * sigma * z,
                            actual,
                            reports,
                        )
                        for level, z in zip(SCORE_LEVELS, normal, strict=True)
                    ]
    return BACKTEST_ROWS.check(pd.DataFrame(rows, columns=BACKTEST_ROWS.names))


def on_basis(forecaster: Forecaster, basis: PriceBasis) -> Forecaster:
    """The forecaster with its model on a price basis; that is, as if it had been trained on it."""
    if forecaster.model is None:
        return forecaster
    manifest = forecaster.model.manifest
    config = manifest.config.model_copy(update={"price_basis": basis})
    model = replace(forecaster.model, manifest=manifest.model_copy(update={"config": config}))
    return replace(forecaster, model=model)
