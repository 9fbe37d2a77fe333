"""Warm start: the first calibration of a young store, learned from a walk over its history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from forecasting.backtesting.calibrated import calibrate_walk
from forecasting.backtesting.rows import score_walk
from forecasting.backtesting.walk_forward import Execution, Methods, list_left_out, walk_forward
from forecasting.calendars.lookup import STANDARD, Calendars
from forecasting.config import CalibrationConfig, ModelConfig, SimulationConfig, WarmStartConfig
from forecasting.errors import ModelError
from forecasting.features.market import compute_market_variance
from forecasting.features.returns import DailyReturns
from forecasting.pipeline import Forecaster, fit_model
from forecasting.sampling import draw_sample
from forecasting.tables import BAND_SCORES
from forecasting.text import format_count


@dataclass(frozen=True)
class WarmStart:
    """Result of a warm start.

    Attributes:
        scores: BAND_SCORES of kind `walk_forward`; without rows where no walk was possible.
        left_out: Ticker that no origin could forecast -> the newest reason.
        reason: Why there was no walk; empty where there was one.
    """

    scores: pd.DataFrame
    left_out: Mapping[str, str]
    reason: str = ""


def walk_before(
    universe: Sequence[DailyReturns],
    as_of: date,
    *,
    model: ModelConfig,
    simulation: SimulationConfig,
    calibration: CalibrationConfig,
    config: WarmStartConfig,
    execution: Execution,
    calendars: Calendars = STANDARD,
) -> WarmStart:
    """Forecast the sessions before `as_of` as if bands had been issued then, and score what has closed.

    A model is fitted on what was known at the start of the walk, and each forecast is calibrated on those
    closed before it.

    Args:
        universe: Daily returns; sessions after `as_of` are not looked at.
        as_of: Last session that may be known.
        model: Of the model that is walked.
        simulation: Levels, horizon and seed of the daily run.
        calibration: Learning rates and priors.
        config: Length and pace of the walk.
        execution: How the origins are forecast.
        calendars: Give the sessions that are forecast.
    """
    drawn = draw_sample(universe, config.tickers, seed=simulation.seed)
    known = {returns.ticker: returns.until(as_of) for returns in drawn}
    origins = _choose_origins(known, config)
    if not origins:
        most = format_count(config.fewest_fitted, "session")
        return WarmStart(BAND_SCORES.empty(), {}, f"no more than {most} of history")
    try:
        fitted = fit_model(list(known.values()), origins[0], model, on_epoch=lambda _epoch, _losses: None)
    except ModelError as error:
        return WarmStart(BAND_SCORES.empty(), {}, str(error))
    rough = simulation.at_most(config.dropout_runs)
    market = compute_market_variance(known.values())
    horizons = tuple(range(1, rough.horizon + 1))
    forecaster = Forecaster(fitted, market, rough, calendars=calendars)
    methods = Methods(forecaster, ("random_walk",), horizons)
    issued = list(walk_forward(methods, known, list(known), origins=origins, execution=execution))
    calibrated = [origin for origin, _ in calibrate_walk(issued, known, calibration)]
    return WarmStart(score_walk(calibrated, known), list_left_out(issued))


def _choose_origins(universe: Mapping[str, DailyReturns], config: WarmStartConfig) -> list[date]:
    if not any(len(returns) for returns in universe.values()):
        return []
    market = compute_market_variance(universe.values())
    start = max(len(market) - config.sessions, config.fewest_fitted)
    return [stamp.date() for stamp in market.index[start :: config.every]]
