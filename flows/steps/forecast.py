"""Forecast: bands of every ticker from a stored model and stored prices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed

from db import ModelRecord, Store
from flows.context import RunContext
from flows.steps.returns import load_ticker, load_universe
from forecasting.calibration import Calibration
from forecasting.config import SimulationConfig
from forecasting.errors import CalendarError, NoModelError, PriceError, SessionsUnknownError
from forecasting.features.market import compute_market_variance
from forecasting.forecast import Forecast
from forecasting.pipeline import Forecaster, forecast_ticker
from forecasting.promotion.policy import rank_quality
from forecasting.types import PriceBasis

LARGEST_CHUNK = 8  # tickers of one task


@dataclass(frozen=True)
class ForecastResult:
    """Bands of some tickers, and the reason of each that has none."""

    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    faults: Mapping[str, PriceError] = field(default_factory=dict)

    def join(self, other: "ForecastResult") -> "ForecastResult":
        """Return the tickers of both."""
        return ForecastResult({**self.forecasts, **other.forecasts}, {**self.faults, **other.faults})


@task(name="forecast", task_run_name="forecast-{tickers[0]}", cache_policy=NO_CACHE, persist_result=False)
def forecast_chunk(
    context: RunContext, forecaster: Forecaster, basis: PriceBasis, *, tickers: Sequence[str]
) -> ForecastResult:
    """Forecast a few tickers."""
    return forecast_tickers(context, forecaster, tickers, basis=basis)


def forecast_tickers(
    context: RunContext, forecaster: Forecaster, tickers: Sequence[str], *, basis: PriceBasis
) -> ForecastResult:
    """Forecast some tickers from the last session of their own exchange; name those that cannot be."""
    forecasts: dict[str, Forecast] = {}
    faults: dict[str, PriceError] = {}
    for ticker in tickers:
        try:
            session = context.session_of(ticker)
            forecasts[ticker] = forecast_ticker(
                forecaster, load_ticker(context.store, ticker, session, basis=basis), session
            )
        except CalendarError as error:
            faults[ticker] = SessionsUnknownError(ticker, str(error))
        except PriceError as error:
            faults[ticker] = error
    return ForecastResult(forecasts, faults)


def forecast_all(
    context: RunContext, version: str, calibration: Calibration, *, tickers: Sequence[str]
) -> ForecastResult:
    """Forecast all tickers, in chunks that run side by side."""
    basis = find_basis(context, version)
    forecaster = build_forecaster(
        context.store,
        version,
        context.as_of,
        simulation=context.settings.simulation,
        calibration=calibration,
        basis=basis,
        tickers=context.tickers,
    )
    forecaster = replace(forecaster, calendars=context.calendars)
    futures = [
        forecast_chunk.submit(context, forecaster, basis, tickers=chunk)
        for chunk in _chunks(tickers, context.settings.workers)
    ]
    result = ForecastResult()
    for future in as_completed(futures):
        result = result.join(future.result())
        done = len(result.forecasts) + len(result.faults)
        get_run_logger().info("forecast: %d of %d tickers", done, len(tickers))
    ordered = {ticker: result.forecasts[ticker] for ticker in tickers if ticker in result.forecasts}
    return ForecastResult(ordered, result.faults)


def find_basis(context: RunContext, version: str) -> PriceBasis:
    """Return the price basis of a model's forecasts; of the random walk's, the configured one."""
    if _load_record(context.store, version).status == "baseline":
        return context.settings.model.price_basis
    return context.store.load_model(version).manifest.config.price_basis


def build_forecaster(
    store: Store,
    version: str,
    as_of: date,
    *,
    simulation: SimulationConfig,
    calibration: Calibration,
    basis: PriceBasis,
    tickers: Iterable[str],
) -> Forecaster:
    """Load a stored model with the market of its reference universe; of the random walk, of `tickers`.

    Raises:
        ModelError: There is no such model, or it cannot be rebuilt.
    """
    quality = rank_quality(_load_record(store, version).status)
    model = None if quality == "baseline" else store.load_model(version)
    reference = model.manifest.reference if model else sorted(set(tickers))
    market = compute_market_variance(load_universe(store, reference, as_of, basis=basis).returns.values())
    return Forecaster(model, market, simulation, calibration, quality)


def _load_record(store: Store, version: str) -> ModelRecord:
    with store.reading() as tx:
        record = tx.models.get(version)
    if record is None:
        raise NoModelError(version)
    return record


def _chunks(tickers: Sequence[str], workers: int) -> list[Sequence[str]]:
    size = max(1, min(LARGEST_CHUNK, len(tickers) // (2 * workers)))
    return [tickers[start : start + size] for start in range(0, len(tickers), size)]
