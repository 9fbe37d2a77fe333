"""Market-wide volatility of a reference universe fixed with the model, and its one-session forecast."""

from collections.abc import Iterable
from datetime import date, timedelta

import numpy as np
import pandas as pd

from forecasting.errors import ModelError
from forecasting.features.lookback import (
    DECAY,
    VOLATILITY_FLOOR,
    WARM_UP,
    WINDOW,
    Lookback,
    ewma,
    mean_of_finite,
    trailing_windows,
)
from forecasting.features.reports import PRIOR_SIZE, build_report_windows
from forecasting.features.returns import DailyReturns
from forecasting.types import REGIMES, Floats, Regime

_FLOOR = 1e-4
_LISTED = 30  # sessions of any reference ticker after a ticker's last bar
_OLDEST = timedelta(days=31)
# Between REGIMES: log volatility relative to the long run; about the terciles of 2007-2011.
_REGIME_EDGES = (-0.25, 0.1)


def compute_relative_variance(returns: DailyReturns) -> pd.Series:
    """Return one ticker's range variance over its own long-run mean; it starts after the warm-up."""
    long_run = np.maximum(mean_of_finite(trailing_windows(returns.range_variance)), VOLATILITY_FLOOR**2)
    sessions = pd.DatetimeIndex(returns.session).as_unit("s")
    return pd.Series(returns.range_variance / long_run, sessions).iloc[WARM_UP:]


def compute_market_variance(universe: Iterable[DailyReturns]) -> pd.Series:
    """Return the mean relative variance of the reference universe, one value a session; 1 is normal.

    Ranges, because all tickers share one market: squared returns of forty of them contain little more about
    its variance than one return does. A value depends on no later session.

    Sessions on which fewer than half of the listed reference tickers traded are left out: on a Saturday the
    market is not its one cryptocurrency. A ticker without a bar for thirty sessions is listed no longer.

    Raises:
        ModelError: The universe is empty.
    """
    each = [compute_relative_variance(returns) for returns in universe if len(returns)]
    if not each:
        raise ModelError("Expected prices of the reference universe, found none; ingest them first.")
    table = pd.concat(each, axis=1, sort=True)
    listed = table.ffill(limit=_LISTED).notna().sum(axis=1)
    traded = table.notna().sum(axis=1)
    market = table.mean(axis=1)[(traded > 0) & (2 * traded >= listed)]
    return market.clip(lower=_FLOOR)


def is_recent(newest: date, session: date) -> bool:
    """Return whether prices up to a day are new enough to know the market of a session: by a month."""
    return session - newest <= _OLDEST


def require_recent(market: pd.Series, session: date) -> None:
    """Refuse a market whose newest value is too old for the session; an empty one counts as normal.

    Args:
        market: Market variance by session, none of them later.
        session: The session to forecast from.

    Raises:
        ModelError: The newest value is more than a month old.
    """
    if market.empty or is_recent(newest := market.index[-1].date(), session):
        return
    raise ModelError(
        f"Expected prices of half of the reference universe up to {session}, found them up to {newest}; "
        "run `bandcast ingest` or, if they have gone, `bandcast retrain`."
    )


def leave_market_unknown() -> pd.Series:
    """Return the variance of a market of which no session is known; each counts as normal then."""
    return pd.Series(dtype="float64", index=pd.DatetimeIndex([], dtype="datetime64[s]"))


def align_market(market: pd.Series, sessions: np.ndarray) -> Floats:
    """Return the (T,) newest market value known at each session, 1 (normal) before the first."""
    index = pd.DatetimeIndex(sessions).as_unit("s")
    known: Floats = market.reindex(index, method="ffill").fillna(1.0).to_numpy(np.float64)
    return known


def build_lookbacks(returns: DailyReturns, market: pd.Series, report_size: float = PRIOR_SIZE) -> Lookback:
    """Return the (T, W) trailing windows of every session of one ticker.

    Args:
        returns: The ticker.
        market: Market variance by session; at each session only values up to it are looked at.
        report_size: Mean size of the reports of all tickers.
    """
    channels = (
        returns.log_return,
        returns.range_variance,
        align_market(market, returns.session),
        returns.surprise,
    )
    reports = None if returns.reports is None else build_report_windows(returns.reports, report_size)
    return Lookback(*(trailing_windows(channel) for channel in channels), reports=reports)


def build_regressors(windows: Floats) -> Floats:
    """Return the (..., 4) constant and log market variance at three scales, of windows (..., W)."""
    scales = [np.log(ewma(windows, decay)) for decay in (0.8, 0.94, 1.0)]
    return np.stack([np.ones_like(scales[0]), *scales], axis=-1)


def fit_market(market: Floats) -> Floats:
    """Fit the (4,) coefficients of next session's log variance by least squares: a log-HAR (Corsi 2009).

    Args:
        market: (T,) market variance of the training sessions only.
    """
    if len(market) < 2 * WARM_UP:
        return np.array([0.0, 0.0, 1.0, 0.0])
    x = build_regressors(trailing_windows(market, WINDOW)[WARM_UP - 1 : -1])
    return np.linalg.lstsq(x, np.log(market[WARM_UP:]), rcond=None)[0].astype(np.float64)


def predict_market(coefficients: Floats, windows: Floats) -> Floats:
    """Return the (...) scale of next session's market variance, of windows (..., W)."""
    scale: Floats = np.exp(np.clip(np.vecdot(build_regressors(windows), coefficients), -7, 7))
    return scale


def classify_regime(window: Floats) -> Regime:
    """Return the market's regime at the end of a window (W,) of market variance."""
    level = 0.5 * float(np.log(ewma(window, DECAY)))
    return REGIMES[int(np.searchsorted(_REGIME_EDGES, level, side="right"))]
