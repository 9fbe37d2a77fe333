"""GARCH(1,1) with Student-t innovations, one ticker at a time, by the package arch (the extra `garch`)."""

from typing import TYPE_CHECKING

import numpy as np

from forecasting.config import SimulationConfig
from forecasting.errors import GarchFitError, MissingExtraError
from forecasting.features.returns import DailyReturns
from forecasting.model.random_streams import LARGEST_STEP, open_stream
from forecasting.types import Floats

if TYPE_CHECKING:
    from arch.univariate.base import ARCHModel

SESSIONS = 1000  # of returns that are fitted: longer ones keep a crisis in the long run that bands return to
FEWEST = 250  # returns, under which the likelihood is nearly flat in the persistence
PERCENT = 100  # arch needs returns of about this unit, or its optimiser stalls
DECIMALS = 6  # of a percent: the last bit of a return can send the optimiser to another optimum
DRIFT_KEPT = 0.5  # the error of a mean of four years is as large as the drift of a share itself
# Free draws: at 400 paths, noise in the quantiles alone would add a quarter of a percent to the CRPS.
FEWEST_PATHS = 4000
LARGEST_DRIFT = 0.5  # standard deviations a session; a share that hardly trades can "converge" far beyond it


def forecast_garch(returns: DailyReturns, config: SimulationConfig) -> Floats:
    """Return the (H, Q) quantiles from parameters fitted anew.

    Raises:
        ShortHistoryError: Fewer than FEWEST returns.
        GarchFitError: There is no fit; the caller falls back on the random walk, and records that.
        MissingExtraError: The package arch is not installed.
    """
    return simulate_garch(fit_garch(returns), returns, config)


def simulate_garch(parameters: Floats, returns: DailyReturns, config: SimulationConfig) -> Floats:
    """Return the (H, Q) quantiles of paths simulated from the conditional variance of the last session.

    Args:
        parameters: (5,) as of `fit_garch`.
        returns: The ticker up to the session to forecast from, that of the fit or later.
        config: Horizon, levels, seed; S paths (dropout runs times noise paths), FEWEST_PATHS at least.

    Raises:
        ShortHistoryError: Fewer than FEWEST returns.
        MissingExtraError: The package arch is not installed.
    """
    stream = open_stream(config.seed, returns.last_session, returns.ticker)
    degrees = float(parameters[-1])
    forecast = (
        _build_model(returns)
        .fix(parameters)
        .forecast(
            horizon=config.horizon,
            method="simulation",
            simulations=max(config.dropout_runs * config.noise_paths, FEWEST_PATHS),
            rng=lambda size: stream.standard_t(degrees, size) * np.sqrt(1 - 2 / degrees),
            reindex=False,
        )
    )
    steps = np.asarray(forecast.simulations.values)[0] / PERCENT  # (S, H)
    paths = np.cumsum(np.clip(steps, -LARGEST_STEP, LARGEST_STEP), axis=1)
    quantiles: Floats = np.quantile(paths, config.levels, axis=0).T
    return quantiles


def fit_garch(returns: DailyReturns) -> Floats:
    """Fit by maximum likelihood on the newest SESSIONS returns (Bollerslev 1987); keep half of the mean.

    Returns:
        (5,) parameters in percent and arch's order: mu, omega, alpha, beta, degrees of freedom.

    Raises:
        As `forecast_garch`.
    """
    newest = returns.newest(SESSIONS, FEWEST)
    if np.ptp(newest) == 0:
        raise GarchFitError(returns.ticker, "returns that never vary")
    result = _build_model(returns).fit(disp="off", show_warning=False)
    if result.convergence_flag != 0:
        raise GarchFitError(
            returns.ticker, f"no convergence (code {result.convergence_flag} of scipy's SLSQP)"
        )
    parameters: Floats = result.params.to_numpy(np.float64, copy=True)
    drift = abs(parameters[0]) / (PERCENT * newest.std())
    if drift > LARGEST_DRIFT:
        raise GarchFitError(returns.ticker, f"a drift of {drift:.1f} standard deviations a session")
    parameters[0] *= DRIFT_KEPT
    return parameters


def _build_model(returns: DailyReturns) -> "ARCHModel":
    try:
        from arch import arch_model
    except ImportError as error:
        raise MissingExtraError("arch", "garch", "the GARCH baseline") from error
    newest = np.round(returns.newest(SESSIONS, FEWEST) * PERCENT, DECIMALS)
    return arch_model(newest, mean="Constant", vol="GARCH", p=1, q=1, dist="t", rescale=False)
