"""Every method's bands from one past session, through the code that a daily run takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from forecasting.baselines.garch import garch
from forecasting.baselines.historical import filtered_historical
from forecasting.baselines.past import Past, past_of
from forecasting.baselines.random_walk import random_walk
from forecasting.calendars.sessions import calendar_name, next_sessions
from forecasting.config import SimulationConfig
from forecasting.errors import (
    CalendarError,
    GarchFitError,
    PriceError,
    SessionsUnknownError,
    ShortHistoryError,
)
from forecasting.forecast import Forecast
from forecasting.model.artifact import Model
from forecasting.pipeline import make_forecast, market_of, require_fresh
from forecasting.prices.adjustment import adjust
from forecasting.prices.history import PriceHistory
from forecasting.types import Floats

BASELINES = ("random_walk", "fhs", "har", "garch")  # the first is always there: all is told relative to it
Baseline = Callable[[Past, SimulationConfig], Floats]


@dataclass(frozen=True)
class Remark:
    """Something that was left out or replaced, and why."""

    origin: date
    ticker: str
    what: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Issued:
    """What was forecast from one origin.

    Attributes:
        origin: The session.
        tickers: The N tickers that could be forecast.
        regimes: (N,) words for the market at issue.
        targets: (N, H) target sessions.
        quantiles: Method -> (N, H, Q); NaN where a method has no forecast of a ticker.
        remarks: What is missing.
    """

    origin: date
    tickers: tuple[str, ...]
    regimes: tuple[str, ...]
    targets: tuple[tuple[date, ...], ...]
    quantiles: Mapping[str, Floats]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class Forecasters:
    """What one fit serves with.

    Attributes:
        model: The network.
        baselines: Names out of BASELINES.
        simulation: Horizon, levels, paths.
        horizons: The H horizons kept.
    """

    model: Model
    baselines: tuple[str, ...]
    simulation: SimulationConfig
    horizons: tuple[int, ...]

    def functions(self) -> dict[str, Baseline]:
        """The baselines by name."""
        known: dict[str, Baseline | None] = {
            "random_walk": random_walk,
            "fhs": filtered_historical,
            "har": self.model.har,
            "garch": garch,
        }
        return {name: one for name, one in known.items() if one is not None and name in self.baselines}


def listed(histories: Mapping[str, PriceHistory], day: date) -> dict[str, PriceHistory]:
    """The histories as they stood at the close of `day`; who had no bar yet is not in them."""
    known = {ticker: history.until(day) for ticker, history in histories.items()}
    return {ticker: history for ticker, history in known.items() if not history.bars.empty}


def issue(
    forecasters: Forecasters, histories: Mapping[str, PriceHistory], tickers: Sequence[str], origin: date
) -> Issued:
    """Forecast the tickers from one origin; nothing after it is looked at."""
    known = listed(histories, origin)
    manifest = forecasters.model.manifest
    reference = [known[ticker] for ticker in manifest.reference if ticker in known]
    market = market_of(reference, origin, manifest.config.price_basis)
    bands: dict[str, dict[str, Floats]] = {}
    made: dict[str, Forecast] = {}
    remarks: list[Remark] = []
    for ticker in tickers:
        try:
            made[ticker] = _forecast(forecasters, known, market, (ticker, origin))
        except PriceError as error:
            remarks.append(Remark(origin, ticker, "all", error.reason, str(error)))
            continue
        past = past_of(ticker, adjust(known[ticker], origin, manifest.config.price_basis), market)
        bands[ticker] = _network_bands(made[ticker])
        for name, quantiles, remark in _baselines(forecasters, past):
            bands[ticker][name] = quantiles
            remarks.extend(remark)
    return _stacked(forecasters, origin, made, bands, tuple(remarks))


def _forecast(
    forecasters: Forecasters, known: Mapping[str, PriceHistory], market: pd.Series, which: tuple[str, date]
) -> Forecast:
    ticker, origin = which
    if ticker not in known:
        raise ShortHistoryError(ticker, found=0, needed=1)
    history = require_fresh(known[ticker], origin)
    try:
        targets = next_sessions(calendar_name(ticker), origin, forecasters.simulation.horizon)
    except CalendarError as error:
        raise SessionsUnknownError(ticker, str(error)) from error
    return make_forecast(forecasters.model, history, market, targets, forecasters.simulation)


def _network_bands(forecast: Forecast) -> dict[str, Floats]:
    """The bands as simulated; they are calibrated later, in the order of the origins."""
    return {name: forecast.log_returns[name] for name in ("mc_dropout", "predictive")}


def _baselines(forecasters: Forecasters, past: Past) -> Iterator[tuple[str, Floats, tuple[Remark, ...]]]:
    """Name, quantiles and remarks of each baseline, as the product would have issued it."""
    simulation = forecasters.simulation
    for name, baseline in forecasters.functions().items():
        try:
            yield name, baseline(past, simulation), ()
        except GarchFitError as error:
            remark = Remark(past.as_of, past.ticker, name, "no_fit", str(error))
            yield name, random_walk(past, simulation), (remark,)
        except ShortHistoryError as error:
            remark = Remark(past.as_of, past.ticker, name, error.reason, str(error))
            yield name, np.full((simulation.horizon, len(simulation.levels)), np.nan), (remark,)


def _stacked(
    forecasters: Forecasters,
    origin: date,
    made: Mapping[str, Forecast],
    bands: Mapping[str, Mapping[str, Floats]],
    remarks: tuple[Remark, ...],
) -> Issued:
    kept = [h - 1 for h in forecasters.horizons]
    methods = ("mc_dropout", "predictive", *forecasters.functions())
    empty = np.empty((0, len(kept), len(forecasters.simulation.levels)))
    return Issued(
        origin=origin,
        tickers=tuple(made),
        regimes=tuple(one.regime for one in made.values()),
        targets=tuple(tuple(one.target_sessions[place] for place in kept) for one in made.values()),
        quantiles={
            name: np.stack([bands[ticker][name][kept] for ticker in made]) if made else empty
            for name in methods
        },
        remarks=remarks,
    )
