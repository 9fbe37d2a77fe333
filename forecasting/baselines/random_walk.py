"""Random walk with EWMA volatility: the reference that every forecast must beat."""

from statistics import NormalDist

import numpy as np

from forecasting.config import SimulationConfig
from forecasting.features.lookback import Lookback
from forecasting.types import Floats


def forecast_random_walk(window: Lookback, config: SimulationConfig) -> Floats:
    """(H, Q) normal quantiles without drift: volatility x sqrt(h) x the quantile (RiskMetrics 1996).

    Args:
        window: (W,) of the session to forecast from; its volatility is the EWMA(0.94) that features read.
        config: Horizon and levels.
    """
    normal = np.array([NormalDist().inv_cdf(level) for level in config.levels])
    roots = np.sqrt(np.arange(1, config.horizon + 1))
    quantiles: Floats = window.volatility * np.outer(roots, normal)
    return quantiles
