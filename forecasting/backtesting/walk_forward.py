"""Walk forward over history: every method's bands from each origin, through the code of a daily run."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd

from forecasting.baselines.garch import forecast_garch
from forecasting.baselines.historical import forecast_historical
from forecasting.baselines.random_walk import forecast_random_walk
from forecasting.config import SimulationConfig
from forecasting.errors import GarchFitError, PriceError, RungFailedError, ShortHistoryError
from forecasting.features.lookback import Lookback
from forecasting.features.reports import PRIOR_SIZE
from forecasting.features.returns import DailyReturns
from forecasting.forecast import Forecast
from forecasting.pipeline import Forecaster, build_last_window, forecast_ticker
from forecasting.types import Band, Floats, values

Baseline = Literal["random_walk", "fhs", "har", "garch"]  # the first always runs
BASELINES = values(Baseline)
RUNG_FAILED = "rung_failed"  # reason of a remark: the model has no usable bands of the ticker
NOT_PUBLISHED = "not_published"  # reason of a remark: a lower rung would have served in a daily run
NETWORK_BANDS: tuple[Band, ...] = ("mc_dropout", "predictive")  # calibrated later, in order of time
Progress = Callable[[int, int], None]
Method = Callable[[DailyReturns, Lookback, SimulationConfig], Floats]


@dataclass(frozen=True)
class Remark:
    """A forecast that was left out or replaced.

    Attributes:
        origin: The session to forecast from.
        ticker: The symbol.
        method: The method, or `all`.
        reason: A word, as in `PriceError.reason`.
        detail: A sentence.
    """

    origin: date
    ticker: str
    method: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Issued:
    """Forecasts from one origin.

    Attributes:
        origin: The session.
        horizons: The H horizons.
        levels: The Q levels, increasing.
        tickers: The N tickers that could be forecast.
        regimes: (N,) market regimes at issue.
        targets: (N, H) target sessions.
        quantiles: Method -> (N, H, Q); NaN where a method has no forecast of a ticker.
        remarks: What was left out or replaced.
        reports_ahead: (N, H) earnings reports that were expected up to each target; 0 without dates.
    """

    origin: date
    horizons: tuple[int, ...]
    levels: tuple[float, ...]
    tickers: tuple[str, ...]
    regimes: tuple[str, ...]
    targets: tuple[tuple[date, ...], ...]
    quantiles: Mapping[str, Floats]
    remarks: tuple[Remark, ...]
    reports_ahead: tuple[tuple[int, ...], ...]


Spread = Callable[[Callable[[date], Issued], Sequence[date]], Iterable[Issued]]


@dataclass(frozen=True)
class Execution:
    """How the origins of a walk are forecast; it changes no forecast.

    Attributes:
        on_progress: Called with the origins done and to do.
        spread: Apply a function to every origin and yield the results in order: `map`, or over processes.
    """

    on_progress: Progress = lambda _done, _total: None
    spread: Spread = map


IN_TURN = Execution()  # one origin after the other, in silence


@dataclass(frozen=True)
class Methods:
    """The methods that forecast side by side.

    Attributes:
        forecaster: The model with its market and simulation.
        baselines: Names out of BASELINES.
        horizons: The H horizons kept.
    """

    forecaster: Forecaster
    baselines: tuple[str, ...]
    horizons: tuple[int, ...]

    def functions(self) -> dict[str, Method]:
        """Return the baselines by name; the linear part alone, where there is a model, is one of them."""
        model = self.forecaster.model
        available: dict[str, Method] = {
            "random_walk": lambda _, window, config: forecast_random_walk(window, config),
            "fhs": forecast_historical,
            "garch": lambda returns, _, config: forecast_garch(returns, config),
        }
        if model is not None:
            available["har"] = lambda _, window, config: model.log_har.forecast(window, config)
        return {name: available[name] for name in BASELINES if name in self.baselines and name in available}


def walk_forward(
    methods: Methods,
    universe: Mapping[str, DailyReturns],
    tickers: Sequence[str],
    *,
    origins: Sequence[date],
    execution: Execution = IN_TURN,
) -> Iterator[Issued]:
    """Forecast the tickers from every origin, from what was known there.

    Args:
        methods: Their model must not have seen the origins: the caller's responsibility.
        universe: Daily returns by ticker, past the origins as far as outcomes are wanted.
        tickers: Which of them to forecast.
        origins: Sessions to forecast from, of any calendar.
        execution: How the origins are forecast.
    """
    known = {ticker: universe[ticker] for ticker in tickers if ticker in universe}
    issue = partial(issue_forecasts, methods=methods, universe=known, tickers=tuple(tickers))
    for done, issued in enumerate(execution.spread(issue, origins), start=1):
        yield issued
        execution.on_progress(done, len(origins))


def issue_forecasts(
    origin: date, *, methods: Methods, universe: Mapping[str, DailyReturns], tickers: Sequence[str]
) -> Issued:
    """Forecast the tickers from one origin; nothing after it is looked at.

    Bands are scored however wide they are: a random walk in their place would hide what a model is worth.
    """
    forecasts: list[Forecast] = []
    quantiles: list[dict[str, Floats]] = []
    remarks: list[Remark] = []
    for ticker in tickers:
        try:
            if ticker not in universe:
                raise ShortHistoryError(ticker, found=0, needed=1)
            returns = universe[ticker]
            forecast, refused = _forecast_of_any_width(methods.forecaster, returns, origin)
        except PriceError as error:
            remarks.append(Remark(origin, ticker, "all", error.reason, str(error)))
            continue
        except RungFailedError as error:
            remarks.append(Remark(origin, ticker, "all", RUNG_FAILED, str(error)))
            continue
        remarks.extend(refused)
        by_method = {str(band): forecast.log_returns[band] for band in NETWORK_BANDS}
        for name, baseline, remark in _forecast_baselines(methods, returns.until(origin)):
            by_method[name] = baseline
            remarks.extend(remark)
        forecasts.append(forecast)
        quantiles.append(by_method)
    return _stack(methods, origin, forecasts, quantiles=quantiles, remarks=tuple(remarks))


def list_left_out(issued: Sequence[Issued]) -> dict[str, str]:
    """Return each ticker that no origin could forecast, with the newest reason."""
    forecast = {ticker for origin in issued for ticker in origin.tickers}
    remarks = [remark for origin in issued for remark in origin.remarks if remark.method == "all"]
    return {remark.ticker: remark.detail for remark in remarks if remark.ticker not in forecast}


def _forecast_of_any_width(
    forecaster: Forecaster, returns: DailyReturns, origin: date
) -> tuple[Forecast, tuple[Remark, ...]]:
    """Forecast one ticker; add a remark if its bands would not have been published."""
    try:
        return forecast_ticker(forecaster, returns, origin), ()
    except RungFailedError as error:
        unbounded = replace(forecaster, simulation=forecaster.simulation.without_bounds())
        forecast = forecast_ticker(unbounded, returns, origin)
        return forecast, (Remark(origin, returns.ticker, "predictive", NOT_PUBLISHED, str(error)),)


def _forecast_baselines(
    methods: Methods, returns: DailyReturns
) -> Iterator[tuple[str, Floats, tuple[Remark, ...]]]:
    """Yield name, quantiles and remarks of each baseline, as the product would have issued it."""
    simulation = methods.forecaster.simulation
    origin, ticker = returns.last_session, returns.ticker
    model = methods.forecaster.model
    size = PRIOR_SIZE if model is None else model.pool_report_size
    window = build_last_window(returns, methods.forecaster.market[: pd.Timestamp(origin)], size)
    for name, forecast in methods.functions().items():
        try:
            yield name, forecast(returns, window, simulation), ()
        except GarchFitError as error:
            remark = Remark(origin, ticker, name, "no_fit", str(error))
            yield name, forecast_random_walk(window, simulation), (remark,)
        except ShortHistoryError as error:
            remark = Remark(origin, ticker, name, error.reason, str(error))
            yield name, np.full((simulation.horizon, len(simulation.levels)), np.nan), (remark,)


def _stack(
    methods: Methods,
    origin: date,
    forecasts: Sequence[Forecast],
    *,
    quantiles: Sequence[Mapping[str, Floats]],
    remarks: tuple[Remark, ...],
) -> Issued:
    kept, levels = [h - 1 for h in methods.horizons], methods.forecaster.simulation.levels
    names = (*NETWORK_BANDS, *methods.functions())
    empty = np.empty((0, len(kept), len(levels)))
    return Issued(
        origin=origin,
        horizons=methods.horizons,
        levels=levels,
        tickers=tuple(forecast.ticker for forecast in forecasts),
        regimes=tuple(forecast.regime for forecast in forecasts),
        targets=tuple(tuple(forecast.target_sessions[step] for step in kept) for forecast in forecasts),
        quantiles={
            name: np.stack([by_method[name][kept] for by_method in quantiles]) if quantiles else empty
            for name in names
        },
        remarks=remarks,
        reports_ahead=tuple(_keep_reports(forecast, kept) for forecast in forecasts),
    )


def _keep_reports(forecast: Forecast, kept: Sequence[int]) -> tuple[int, ...]:
    counts = forecast.reports_ahead or (0,) * forecast.horizon
    return tuple(counts[step] for step in kept)
