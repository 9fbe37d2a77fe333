"""Range-based variance of a session: what high and low tell beyond the close."""

import numpy as np
import pandas as pd

from forecasting.types import Floats


def garman_klass(bars: pd.DataFrame) -> Floats:
    """(T,) Garman-Klass variance of the hours of trading (Garman & Klass 1980, eq. 20), never negative."""
    high_low = np.log(bars["high"] / bars["low"])
    close_open = np.log(bars["close"] / bars["open"])
    variance = 0.5 * high_low**2 - (2 * np.log(2) - 1) * close_open**2
    positive: Floats = np.maximum(variance.to_numpy(np.float64), 0)
    return positive


def overnight(bars: pd.DataFrame) -> Floats:
    """(T,) squared log return from the previous close to the open; NaN at the first session."""
    gap = np.log(bars["open"] / bars["close"].shift())
    squared: Floats = (gap**2).to_numpy(np.float64)
    return squared


def range_variance(bars: pd.DataFrame) -> Floats:
    """(T,) Garman-Klass plus overnight; the squared close-to-close return where a price is missing."""
    close_only = (np.log(bars["close"]).diff() ** 2).to_numpy(np.float64)
    variance = garman_klass(bars) + overnight(bars)
    return np.where(np.isfinite(variance), variance, close_only)
