"""Random walk with EWMA volatility: the floor that every forecast must beat."""

from statistics import NormalDist

import numpy as np

from forecasting.baselines.past import Past
from forecasting.config import SimulationConfig
from forecasting.types import Floats


def random_walk(past: Past, config: SimulationConfig) -> Floats:
    """(H, Q) normal quantiles without drift: volatility x sqrt(h) x the quantile (RiskMetrics 1996).

    Args:
        past: The ticker up to `as_of`; its volatility is the EWMA(0.94) that the features have, too.
        config: Horizon and levels.
    """
    normal = np.array([NormalDist().inv_cdf(level) for level in config.levels])
    roots = np.sqrt(np.arange(1, config.horizon + 1))
    quantiles: Floats = past.window.volatility * np.outer(roots, normal)
    return quantiles
