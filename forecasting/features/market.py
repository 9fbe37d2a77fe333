"""Market-wide volatility of a reference universe fixed with the model, and its one-session forecast."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from forecasting.features.lookback import (
    DECAY,
    VOLATILITY_FLOOR,
    WARM_UP,
    WINDOW,
    ewma,
    mean_of_known,
    windows_of,
)
from forecasting.features.returns import range_variance
from forecasting.forecast import REGIMES
from forecasting.types import Floats

_FLOOR = 1e-4
_REGIME_EDGES = (-0.25, 0.1)  # log volatility relative to the long run; about the terciles of 2007-2011


def relative_variance(bars: pd.DataFrame) -> pd.Series:
    """Range variance of one ticker over its own long-run mean; starts after the warm-up."""
    ranges = range_variance(bars)
    long_run = np.maximum(mean_of_known(windows_of(ranges)), VOLATILITY_FLOOR**2)
    return pd.Series(ranges / long_run, bars.index).iloc[WARM_UP:]


def market_variance(universe: Iterable[pd.DataFrame]) -> pd.Series:
    """Mean relative variance of the reference universe, one value a session; 1 is normal.

    Ranges, because all tickers share one market: squared returns of forty of them know little more of its
    variance than one return does.

    Sessions on which fewer than half of the listed reference tickers traded are left out: on a Saturday the
    market is not its one cryptocurrency.
    """
    each = pd.concat([relative_variance(bars) for bars in universe], axis=1, sort=True)
    listed = each.ffill().notna().sum(axis=1)
    traded = each.notna().sum(axis=1)
    market = each.mean(axis=1)[(traded > 0) & (2 * traded >= listed)]
    return market.clip(lower=_FLOOR)


def align(market: pd.Series, sessions: pd.DatetimeIndex) -> Floats:
    """(T,) the newest market value known at each session, 1 (normal) before the first."""
    known: Floats = market.reindex(sessions, method="ffill").fillna(1.0).to_numpy(np.float64)
    return known


def regressors(windows: Floats) -> Floats:
    """(..., 4) constant and log market variance at three scales, of windows (..., W)."""
    scales = [np.log(ewma(windows, decay)) for decay in (0.8, 0.94, 1.0)]
    return np.stack([np.ones_like(scales[0]), *scales], axis=-1)


def fit_market(market: Floats) -> Floats:
    """(4,) least-squares coefficients of next session's log variance: a log-HAR model (Corsi 2009).

    Args:
        market: (T,) market variance of the training sessions only.
    """
    if len(market) < 2 * WARM_UP:
        return np.array([0.0, 0.0, 1.0, 0.0])
    x = regressors(windows_of(market, WINDOW)[WARM_UP - 1 : -1])
    return np.linalg.lstsq(x, np.log(market[WARM_UP:]), rcond=None)[0].astype(np.float64)


def predict_market(coefficients: Floats, windows: Floats) -> Floats:
    """(...) scale of next session's market variance, of windows (..., W)."""
    scale: Floats = np.exp(np.clip(np.vecdot(regressors(windows), coefficients), -7, 7))
    return scale


def regime_of(window: Floats) -> str:
    """The market's regime at the end of a window (W,) of market variance: one of REGIMES."""
    level = 0.5 * float(np.log(ewma(window, DECAY)))
    return REGIMES[int(np.searchsorted(_REGIME_EDGES, level, side="right"))]
