"""Forecasts as a run issues them, without a model."""

from datetime import date
from typing import get_args

import numpy as np

from forecasting.calendars.sessions import next_sessions
from forecasting.forecast import Forecast
from forecasting.types import Band


def make_forecast(ticker: str, as_of: date, horizon: int = 30) -> Forecast:
    """A forecast of 100 plus or minus 10 % at every horizon."""
    return Forecast(
        ticker=ticker,
        as_of=as_of,
        anchor_close=100.0,
        target_sessions=next_sessions("XNYS", as_of, horizon),
        levels=(0.05, 0.5, 0.95),
        log_returns=dict.fromkeys(get_args(Band), np.log([0.9, 1.0, 1.1]) * np.ones((horizon, 1))),
        model_variance=np.full(horizon, 1e-4),
        noise_variance=np.full(horizon, 2e-4),
        quality="champion",
        data_fingerprint="f",
        regime="normal",
        n_outcomes=(0,) * horizon,
    )
