"""Filtered historical simulation: the ticker's own past residuals at today's volatility."""

import numpy as np

from forecasting.config import SimulationConfig
from forecasting.features.lookback import DECAY, WARM_UP, Lookback, trailing_windows
from forecasting.features.returns import DailyReturns
from forecasting.model.random_streams import LARGEST_RESIDUAL, LARGEST_STEP, open_stream
from forecasting.types import Floats

SESSIONS = 1000  # of residuals: two years are too few for the tails of ten sessions (Pritsker 2006)
FEWEST = 250  # residuals, under which the 5 % quantile rests on a dozen sessions


def forecast_historical(returns: DailyReturns, window: Lookback, config: SimulationConfig) -> Floats:
    """Return (H, Q) quantiles of paths of resampled residuals and EWMA volatility (Barone-Adesi et al. 1999).

    Args:
        returns: The ticker up to the session to forecast from.
        window: (W,) of that session.
        config: Horizon, levels, seed, and S as the product of dropout runs and noise paths.

    Raises:
        ShortHistoryError: Fewer than FEWEST residuals.
    """
    residuals = standardise_returns(returns)
    stream = open_stream(config.seed, returns.last_session, returns.ticker)
    shape = (config.horizon, config.dropout_runs * config.noise_paths)
    drawn = residuals[stream.integers(len(residuals), size=shape)]  # (H, S)
    paths = _roll_forward(float(window.volatility), drawn)
    return np.quantile(paths, config.levels, axis=1).T


def standardise_returns(returns: DailyReturns) -> Floats:
    """Return (N,) returns over the volatility of the session before, centred: past drift does not predict.

    Raises:
        ShortHistoryError: There are fewer than FEWEST.
    """
    newest = returns.newest(SESSIONS + WARM_UP, needed=FEWEST + WARM_UP)
    volatility = Lookback.of_returns(trailing_windows(newest)).volatility
    residuals = (newest[WARM_UP:] / volatility[WARM_UP - 1 : -1]).clip(-LARGEST_RESIDUAL, LARGEST_RESIDUAL)
    centred: Floats = residuals - residuals.mean()
    return centred


def _roll_forward(volatility: float, residuals: Floats) -> Floats:
    """(H, S) cumulative log returns of (H, S) residuals; this EWMA is recursive, without a window."""
    variance, returns = np.full(residuals.shape[1], volatility**2), np.empty_like(residuals)
    for step, residual in enumerate(residuals):
        returns[step] = np.clip(np.sqrt(variance) * residual, -LARGEST_STEP, LARGEST_STEP)
        variance = DECAY * variance + (1 - DECAY) * returns[step] ** 2
    return np.cumsum(returns, axis=0)
