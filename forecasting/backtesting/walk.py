"""Walking forward over history: what would have been issued, and what happened."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecasting.calendars.sessions import calendar_name, next_sessions
from forecasting.calibration import CLOSED, Calibration, learn
from forecasting.config import CalibrationConfig, ModelConfig, SimulationConfig
from forecasting.errors import ModelError, PriceError
from forecasting.forecast import Forecast
from forecasting.model.artifact import Model
from forecasting.pipeline import fit_model, make_forecast, market_of
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory
from forecasting.types import Floats, PriceBasis

COLD_SESSIONS = 504  # walked before the first forecast that is issued
COLD_EVERY = 10
COLD_TICKERS = 60  # more teach the pool no more
FEWEST_FITTED = 400  # sessions left for the model that is walked

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Walked:
    """A forecast as it would have been issued, and (H,) what followed, NaN where that is unknown."""

    forecast: Forecast
    actual: Floats


@dataclass(frozen=True)
class _Panel:
    """What a walk reads: prices, the market of the model's reference universe, and how paths are drawn."""

    histories: Sequence[PriceHistory]
    market: pd.Series
    simulation: SimulationConfig

    def walk(self, model: Model, origin: date, calibration: Calibration | None) -> Iterator[Walked]:
        market = self.market[: pd.Timestamp(origin)]
        for history in self.histories:
            known = history.until(origin)
            if known.bars.empty or known.last_session != origin:
                continue
            targets = next_sessions(calendar_name(history.ticker), origin, self.simulation.horizon)
            try:
                forecast = make_forecast(
                    model, known, market, targets, self.simulation, calibration=calibration
                )
            except PriceError:
                continue
            yield Walked(forecast, actual_returns(history, forecast, model.manifest.config.price_basis))


def walk_forward(
    model: Model, histories: Sequence[PriceHistory], origins: Sequence[date], simulation: SimulationConfig
) -> list[Walked]:
    """Forecast every ticker at every origin on which it traded, from what was known there.

    Args:
        model: It must not have seen the origins; the caller's to hold.
        histories: Prices, past the origins as far as outcomes are wanted, the model's reference universe
            among them; a ticker that cannot be forecast at an origin is left out there.
        origins: Sessions to forecast from, of any calendar.
        simulation: Paths, levels, seed.
    """
    latest = max(history.last_session for history in histories)
    reference = [one for one in histories if one.ticker in model.manifest.reference]
    market = market_of(reference, latest, model.manifest.config.price_basis)
    panel = _Panel(histories, market, simulation)
    return [walked for origin in origins for walked in panel.walk(model, origin, None)]


def actual_returns(history: PriceHistory, forecast: Forecast, basis: PriceBasis) -> Floats:
    """(H,) cumulative log returns from the anchor to each target session, NaN where it has no bar."""
    closes = np.log(adjust(history, history.last_session, basis)["close"])
    targets = pd.DatetimeIndex(forecast.target_sessions).as_unit("s")
    actual: Floats = closes.reindex(targets).to_numpy(np.float64) - closes[pd.Timestamp(forecast.as_of)]
    return actual


def closed_rows(walked: Sequence[Walked], session: date) -> pd.DataFrame:
    """Rows of the columns CLOSED (and `target_session`) of the forecasts closed by a session."""
    rows = pd.concat([_rows(one) for one in walked]) if walked else pd.DataFrame(columns=[*CLOSED])
    if rows.empty:
        return rows
    return rows[(rows["target_session"] <= session) & rows["actual"].notna()].reset_index(drop=True)


def _rows(walked: Walked) -> pd.DataFrame:
    forecast = walked.forecast
    predictive, calibrated = (forecast.log_returns[band] for band in ("predictive", "calibrated"))
    middle = forecast.levels.index(0.5)
    return pd.DataFrame(
        {
            "ticker": forecast.ticker,
            "as_of": pd.Timestamp(forecast.as_of),
            "target_session": forecast.target_sessions,
            "horizon": np.arange(1, forecast.horizon + 1),
            "regime": forecast.regime,
            "actual": walked.actual,
            "lower": predictive[:, 0],
            "median": predictive[:, middle],
            "upper": predictive[:, -1],
            "calibrated_lower": calibrated[:, 0],
            "calibrated_upper": calibrated[:, -1],
        }
    )


def cold_start(
    histories: Sequence[PriceHistory],
    as_of: date,
    configs: tuple[ModelConfig, SimulationConfig, CalibrationConfig],
    report: Progress,
) -> list[Walked]:
    """Forecasts and outcomes of the two years before `as_of`, as if bands had been issued then.

    A model is fitted on what was known at the start of the walk, and each forecast is calibrated on those
    closed before it. With too little history for both, an empty list.

    Args:
        histories: Prices of the universe; sessions after `as_of` are not looked at.
        as_of: Last session that may be known.
        configs: Of the model, the simulation and the calibration.
        report: Called with the origins done and to do.
    """
    model_config, simulation, calibration_config = configs
    known = [one for one in (history.until(as_of) for history in histories[:COLD_TICKERS]) if len(one.bars)]
    market = market_of(known, as_of, model_config.price_basis) if known else pd.Series()
    origins = _cold_origins(market)
    try:
        before = [history.until(origins[0]) for history in known]
        model = fit_model(before, origins[0], model_config, lambda _epoch, _losses: None)
    except (IndexError, ModelError):
        return []
    panel, walked = _Panel(known, market, simulation), list[Walked]()
    for done, origin in enumerate(origins):
        learned = learn(closed_rows(walked, origin), calibration_config)
        walked += panel.walk(model, origin, learned)
        report(done + 1, len(origins))
    return walked


def _cold_origins(market: pd.Series) -> list[date]:
    start = max(len(market) - COLD_SESSIONS, FEWEST_FITTED)
    return [stamp.date() for stamp in market.index[start::COLD_EVERY]]
