"""Forecast: bands of every ticker from a stored model and stored prices."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from prefect import get_run_logger
from prefect.futures import as_completed

from db import RANDOM_WALK, Store
from flows.context import RunContext
from flows.prefect_runtime.definitions import define_task
from flows.prefect_runtime.flow_support import opaque
from flows.steps.process_pools import TickerForecaster, spread_forecasts
from flows.steps.returns import load_ticker, load_universe
from forecasting.calendars.lookup import Calendars
from forecasting.calendars.reports import NO_DATES
from forecasting.calibration import Calibration
from forecasting.config import SimulationConfig
from forecasting.errors import CalendarError, ModelError, NoModelError, PriceError, SessionsUnknownError
from forecasting.faults import attribute_to_ticker
from forecasting.features.market import compute_market_variance, leave_market_unknown, require_recent
from forecasting.forecast import Forecast
from forecasting.pipeline import Forecaster
from forecasting.promotion.policy import rank_quality
from forecasting.text import format_count
from forecasting.types import PriceBasis

LARGEST_CHUNK = 8  # tickers of one task


@dataclass(frozen=True)
class ForecastResult:
    """Bands of some tickers, and the reason of each that has none, or none of the first rung.

    Attributes:
        forecasts: Ticker -> its bands.
        faults: Ticker -> why it has none: its prices are at fault.
        model_faults: Ticker -> why the first rung failed for it.
    """

    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    faults: Mapping[str, PriceError] = field(default_factory=dict)
    model_faults: Mapping[str, ModelError] = field(default_factory=dict)

    def join(self, other: "ForecastResult") -> "ForecastResult":
        """Return the tickers of both; where a ticker fell in both, the first reason counts."""
        return ForecastResult(
            {**self.forecasts, **other.forecasts},
            {**self.faults, **other.faults},
            {**other.model_faults, **self.model_faults},
        )

    @property
    def fallbacks(self) -> dict[str, str]:
        """Ticker -> which rung made its bands instead of the first, and why."""
        return {
            ticker: f"{self.forecasts[ticker].quality} in place of the first rung: {error}"
            for ticker, error in self.model_faults.items()
            if ticker in self.forecasts
        }


@define_task("forecast", "forecast-{context.as_of}-{tickers[0]}")
def forecast_chunk(
    context: RunContext, forecast: TickerForecaster, basis: PriceBasis, *, tickers: Sequence[str]
) -> ForecastResult:
    """Forecast a few tickers."""
    return forecast_tickers(context, forecast, tickers, basis=basis)


def forecast_tickers(
    context: RunContext, forecast: TickerForecaster, tickers: Sequence[str], *, basis: PriceBasis
) -> ForecastResult:
    """Forecast some tickers from the last session of their own exchange; name those that cannot be."""
    forecasts: dict[str, Forecast] = {}
    faults: dict[str, PriceError] = {}
    model_faults: dict[str, ModelError] = {}
    for ticker in tickers:
        try:
            with attribute_to_ticker(ticker):
                session = context.find_session(ticker)
            returns = load_ticker(
                context.store,
                ticker,
                session,
                basis=basis,
                dates=context.earnings.get(ticker, NO_DATES),
                calendars=context.calendars,
                only_traded=True,  # what is stored need not have been ingested by this run
            )
            forecasts[ticker] = forecast(returns, session)
        except CalendarError as error:
            faults[ticker] = SessionsUnknownError(ticker, str(error))
        except PriceError as error:
            faults[ticker] = error
        except ModelError as error:
            model_faults[ticker] = error
    return ForecastResult(forecasts, faults, model_faults)


def forecast_all(
    context: RunContext, version: str, calibration: Calibration, *, tickers: Sequence[str]
) -> ForecastResult:
    """Forecast all tickers from one rung of the ladder, those that it fails for from the next, and so on.

    Args:
        context: The run.
        version: The first rung.
        calibration: Learned from earlier forecasts.
        tickers: Which of the run's.
    """
    basis, result = find_basis(context, version), ForecastResult()
    waiting = list(tickers)
    for rung in list_rungs(context, version):
        made = forecast_rung(context, rung, calibration, basis=basis, tickers=waiting)
        log_model_faults(rung, made.model_faults, waiting)
        result = result.join(made)
        waiting = [ticker for ticker in waiting if ticker in made.model_faults]
        if not waiting:
            break
    ordered = {ticker: result.forecasts[ticker] for ticker in tickers if ticker in result.forecasts}
    return replace(result, forecasts=ordered)


def list_rungs(context: RunContext, version: str) -> Iterator[str]:
    """Yield the versions that serve in turn: a first one, the older models below it, the random walk."""
    if version != RANDOM_WALK:
        with context.store.reading() as tx:
            ladder = tx.models.list_ladder(context.as_of)
        yield version
        yield from ladder[ladder.index(version) + 1 :] if version in ladder else ladder
    with context.store.writing() as tx:
        tx.models.add_baseline(context.now)
    yield RANDOM_WALK


def log_model_faults(version: str, model_faults: Mapping[str, ModelError], tickers: Sequence[str]) -> None:
    """Log why a rung failed for some tickers; once, where it failed for all."""
    logger, reasons = get_run_logger(), list(model_faults.values())
    if len(model_faults) == len(tickers) and model_faults:
        logger.warning("forecast: model %s fails for every ticker: %s", version, reasons[0])
        return
    for reason in reasons:
        logger.warning("forecast: %s", reason)


def forecast_rung(
    context: RunContext, version: str, calibration: Calibration, *, basis: PriceBasis, tickers: Sequence[str]
) -> ForecastResult:
    """Forecast from one rung, in chunks that run side by side; a rung that cannot serve fails for all."""
    try:
        forecaster = build_forecaster(
            context.store,
            version,
            context.as_of,
            simulation=context.settings.simulation,
            calibration=calibration,
            basis=basis,
            tickers=context.tickers,
            calendars=context.calendars,
        )
    except ModelError as error:
        return ForecastResult(model_faults=dict.fromkeys(tickers, error))
    workers, result = context.settings.workers, ForecastResult()
    with spread_forecasts(forecaster, workers=workers, tickers=len(tickers)) as forecast:
        futures = [
            forecast_chunk.submit(opaque(context), opaque(forecast), basis, tickers=chunk)
            for chunk in _chunks(tickers, workers)
        ]
        for future in as_completed(futures):
            result = result.join(future.result())
            done = len(result.forecasts) + len(result.faults) + len(result.model_faults)
            get_run_logger().info("forecast: %d of %s", done, format_count(len(tickers), "ticker"))
    return result


def find_basis(context: RunContext, version: str) -> PriceBasis:
    """Return the price basis of a model's forecasts; where no model can be loaded, the configured one."""
    try:
        return context.store.load_model(version).manifest.config.price_basis
    except ModelError:  # the random walk, or a model that was deleted since it was chosen
        return context.settings.model.price_basis


def build_forecaster(
    store: Store,
    version: str,
    as_of: date,
    *,
    simulation: SimulationConfig,
    calibration: Calibration,
    basis: PriceBasis,
    tickers: Iterable[str],
    calendars: Calendars,
) -> Forecaster:
    """Load a stored model with the market of its reference universe; of the random walk, of `tickers`.

    Raises:
        ModelError: There is no such model, it cannot be rebuilt, its forecasts are on another price basis, or
            the prices of its reference universe are missing or too old.
    """
    with store.reading() as tx:
        record = tx.models.get(version)
    if record is None:
        raise NoModelError(version)
    quality = rank_quality(record.status)
    model = None if quality == "baseline" else store.load_model(version)
    if model is not None and model.manifest.config.price_basis != basis:
        found = model.manifest.config.price_basis
        raise ModelError(f"Expected model {version} on the price basis {basis}, found {found}.")
    reference = model.manifest.reference if model else sorted(set(tickers))
    universe = load_universe(store, reference, as_of, basis=basis, calendars=calendars).returns.values()
    market = compute_market_variance(universe) if model or universe else leave_market_unknown()
    if model is not None:
        require_recent(market, as_of)
    return Forecaster(
        model, market, simulation, calibration, quality, version, calendars, simulates=simulation.odds
    )


def _chunks(tickers: Sequence[str], workers: int) -> list[Sequence[str]]:
    size = max(1, min(LARGEST_CHUNK, len(tickers) // (2 * workers)))
    return [tickers[start : start + size] for start in range(0, len(tickers), size)]
