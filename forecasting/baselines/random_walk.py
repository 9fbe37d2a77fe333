"""Random walk with EWMA volatility: the reference that every forecast must beat."""

from statistics import NormalDist

import numpy as np

from forecasting.config import SimulationConfig
from forecasting.features.lookback import Lookback
from forecasting.features.reports import expect_report_growth
from forecasting.types import Floats


def forecast_random_walk(window: Lookback, config: SimulationConfig) -> Floats:
    """Return (H, Q) normal quantiles without drift: volatility x sqrt(h) x the quantile (RiskMetrics 1996).

    Args:
        window: (W,) of the session to forecast from; its volatility is the EWMA(0.94) that features read.
        config: Horizon and levels.
    """
    normal = np.array([NormalDist().inv_cdf(level) for level in config.levels])
    roots = np.sqrt(np.arange(1, config.horizon + 1))
    return window.volatility * np.outer(roots, normal)


def bracket_widths(window: Lookback, config: SimulationConfig) -> tuple[Floats, Floats]:
    """Return the (H,) widths of the calmest and of the wildest random walk consistent with a window.

    Their volatilities are the least and the greatest of the current and the long-run one, each with the
    sessions of past reports and without. The wildest also grows by
    `expect_report_growth` at the reports ahead: a session that reacts to one is several times as wide.

    Args:
        window: (W,) of the session to forecast from.
        config: Horizon and levels; widths are those between the outermost levels.
    """
    volatilities = (
        window.volatility,
        window.ordinary_volatility,
        window.long_run_volatility,
        window.ordinary_long_run,
    )
    horizons = range(1, config.horizon + 1)
    widths = 2 * NormalDist().inv_cdf(config.levels[-1]) * np.sqrt(horizons)
    growth = np.exp([float(expect_report_growth(window, h)) for h in horizons])
    return min(volatilities) * widths, max(volatilities) * growth * widths
