"""Bands from a stored model and stored prices, published in one transaction."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.metadata import version as installed
from typing import NamedTuple

import pandas as pd
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.task_runners import ThreadPoolTaskRunner

from db.engine import reading, writing
from db.records import RunRecord
from db.repositories.forecasts import ForecastRepository
from db.repositories.prices import PriceRepository
from db.repositories.progress import ProgressRepository
from flows.context import Job, open_job, store
from flows.ingest import record_quarantine, require_enough
from flows.prefect_runtime.flow_support import due, flow_run_id, one_sentence
from flows.prefect_runtime.parameters import Day, Horizon, Source, Symbols, overrides
from flows.prefect_runtime.run_names import run_name
from flows.retrain import ensure_model, stored_histories
from flows.steps.calibrate import calibrate
from flows.steps.models import model, serving_quality
from flows.steps.verify import verify_bands
from flows.summary import RunSummary, Stopwatch
from forecasting.calendars.sessions import calendar_name, next_sessions
from forecasting.calibration import Calibration
from forecasting.errors import CalendarError, PriceError, SessionsUnknownError
from forecasting.forecast import Forecast
from forecasting.pipeline import baseline_forecast, make_forecast, market_of, require_fresh
from forecasting.prices.history import PriceHistory
from forecasting.types import Retrain

LARGEST_CHUNK = 8
LIBRARIES = ("torch", "numpy", "pandas", "pytorch-lightning")
Outcome = Forecast | PriceError
Rung = Callable[[PriceHistory, Sequence[date]], Forecast]


class MadeBy(NamedTuple):
    """What a run's bands come from, besides prices and settings."""

    model_version: str
    calibration_id: str


@task(
    name="forecast",
    task_run_name="forecast-{tickers[0]}",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def forecast_chunk(
    job: Job, version: str, market: pd.Series, calibration: Calibration, tickers: Sequence[str]
) -> dict[str, Outcome]:
    """Bands of a few tickers, or the reason why there are none."""
    rung = rung_of(job, version, market, calibration)
    return {ticker: _forecast_one(job, rung, ticker) for ticker in tickers}


def rung_of(job: Job, version: str, market: pd.Series, calibration: Calibration) -> Rung:
    """How the model that serves makes a forecast of a history and its target sessions."""
    quality, simulation = serving_quality(job.settings.url, version), job.settings.simulation
    if quality == "baseline":
        return lambda history, targets: baseline_forecast(history, market, targets, simulation)
    served = model(job.settings.url, version)

    def forecast_history(history: PriceHistory, targets: Sequence[date]) -> Forecast:
        made = make_forecast(served, history, market, targets, simulation, calibration=calibration)
        return replace(made, quality=quality)

    return forecast_history


def _forecast_one(job: Job, rung: Rung, ticker: str) -> Outcome:
    try:
        session = job.session_of(ticker)
        with reading(store(job.settings.url)) as connection:
            history = PriceRepository(connection, job.source.name).load(ticker, session)
        targets = next_sessions(calendar_name(ticker), session, job.settings.simulation.horizon)
        return rung(require_fresh(history, session), targets)
    except CalendarError as error:
        return SessionsUnknownError(ticker, str(error))
    except PriceError as error:
        return error


def forecast_all(
    job: Job, version: str, calibration: Calibration, tickers: Sequence[str]
) -> dict[str, Outcome]:
    """Bands of all tickers, in chunks that run side by side."""
    market = market_for(job, version)
    outcomes: dict[str, Outcome] = {}
    submitted = [
        forecast_chunk.submit(job, version, market, calibration, chunk)
        for chunk in _chunks(tickers, job.settings.workers)
    ]
    for future in as_completed(submitted):
        outcomes |= future.result()
        get_run_logger().info("forecast: %d of %d tickers", len(outcomes), len(tickers))
    return {ticker: outcomes[ticker] for ticker in tickers}


def market_for(job: Job, version: str) -> pd.Series:
    """Of the model's reference universe or, where no model serves, of what is forecast."""
    if serving_quality(job.settings.url, version) == "baseline":
        return market_of(stored_histories(job, job.tickers), job.as_of, job.settings.model.price_basis)
    manifest = model(job.settings.url, version).manifest
    return market_of(stored_histories(job, manifest.reference), job.as_of, manifest.config.price_basis)


def _chunks(tickers: Sequence[str], workers: int) -> list[Sequence[str]]:
    size = max(1, min(LARGEST_CHUNK, len(tickers) // (2 * workers)))
    return [tickers[start : start + size] for start in range(0, len(tickers), size)]


@task(name="publish", cache_policy=NO_CACHE, persist_result=False)
def publish(
    job: Job,
    made_by: MadeBy,
    forecasts: Sequence[Forecast],
    faults: Mapping[str, PriceError],
) -> str:
    """Write a whole run in one transaction; the same inputs make the same run, and change nothing.

    Raises:
        SourceError: Fewer forecasts than `min_success_ratio` asks for.
    """
    require_enough(job, forecasts, "forecasts")
    run = run_record(job, made_by, forecasts, faults)
    with writing(store(job.settings.url)) as connection:
        # what was issued on its day is never replaced by what would be said of that day now
        issued = (
            ProgressRepository(connection, job.source.name).issued(job.as_of)
            if job.kind == "backfill"
            else set()
        )
        news = [one for one in forecasts if (one.ticker, one.as_of) not in issued]
        ForecastRepository(connection).publish(run, news)
    get_run_logger().info("publish: run %s, %d tickers", run.run_id, len(forecasts))
    return run.run_id


def run_record(
    job: Job, made_by: MadeBy, forecasts: Sequence[Forecast], faults: Mapping[str, PriceError]
) -> RunRecord:
    """The run's record; its id is a digest of everything that the bands depend on."""
    libraries = json.dumps({name: installed(name) for name in LIBRARIES})
    inputs = sorted(f"{one.ticker}:{one.as_of}:{one.data_fingerprint}" for one in forecasts)
    settings = job.settings.simulation.model_dump_json()
    data = hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:16]
    code = installed("bandcast")
    key = "|".join((job.source.name, str(job.as_of), *made_by, settings, data, code, libraries))
    return RunRecord(
        run_id=f"{job.as_of}-{hashlib.sha256(key.encode()).hexdigest()[:10]}",
        source=job.source.name,
        as_of=job.as_of,
        model_version=made_by.model_version,
        seed=job.settings.simulation.seed,
        settings=settings,
        data_fingerprint=data,
        code_version=code,
        library_versions=libraries,
        flow_run_id=flow_run_id(),
        issued_at=datetime.now(UTC),
        quarantined=json.dumps({ticker: error.reason for ticker, error in faults.items()}),
        calibration_id=made_by.calibration_id,
        kind=job.kind,
    )


def forecast_and_publish(
    job: Job, version: str, failed: Mapping[str, PriceError], watch: Stopwatch
) -> RunSummary:
    """Learn from what has closed, forecast what was ingested, publish it, and record what was left out."""
    with watch.stage("verify"):
        verify_bands(job)
    with watch.stage("calibrate"):
        learned = calibrate(job)
    with watch.stage("forecast"):
        wanted = [one for one in job.tickers if one not in failed]
        outcomes = forecast_all(job, version, Calibration.from_json(learned.state), wanted)
    forecasts = [one for one in outcomes.values() if isinstance(one, Forecast)]
    faults = {**failed, **{name: one for name, one in outcomes.items() if isinstance(one, PriceError)}}
    done = tuple(one.ticker for one in forecasts)
    record_quarantine(job, faults, done)
    with watch.stage("publish"):
        run_id = publish(job, MadeBy(version, learned.calibration_id), forecasts, faults)
    return RunSummary(job.as_of, run_id, version, done, faults, watch.seconds)


@flow(name="forecast", flow_run_name=run_name, task_runner=ThreadPoolTaskRunner(max_workers=4))  # type: ignore[arg-type]  # Prefect's stub wants an instance of an unbound generic
@one_sentence
def forecast(
    tickers: Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: Source = "configured",
    csv_dir: str = "",
    as_of: Day | None = None,
    horizon: Horizon = 30,
    retrain: Retrain = "never",
) -> RunSummary:
    """Forecast from the prices that the store holds, without pulling any.

    Args:
        tickers: Symbols to forecast, as Yahoo writes them; none for the configured universe.
        source: Whose stored prices to use.
        csv_dir: Folder of TICKER.csv files, for the source csv.
        as_of: Session to forecast from; none for the last one closed when the run was due.
        horizon: Sessions ahead, 1 to 30.
        retrain: Whether to train first.
    """
    job = open_job(due(), as_of, **overrides(tickers, source, csv_dir, horizon=horizon))
    watch = Stopwatch()
    with watch.stage("train"):
        version = ensure_model(job, retrain)
    return forecast_and_publish(job, version, {}, watch)
