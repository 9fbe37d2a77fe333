"""What the outcomes known at a session teach the bands of that session."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version as installed

import pandas as pd
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from db.engine import reading, writing
from db.records import CalibrationRecord
from db.repositories.calibrations import CalibrationRepository
from db.repositories.outcomes import VerificationRepository
from flows.context import Job, store
from flows.retrain import stored_histories
from forecasting.backtesting.walk import Walked, cold_start
from forecasting.calibration import Calibration, learn
from forecasting.config import CalibrationConfig, SimulationConfig
from forecasting.evaluation.outcomes import score_walked

REHEARSED_RUNS, REHEARSED_PATHS = 20, 10  # thousands of rehearsed bands are pooled; each may be rough
REHEARSED_TICKERS = 24  # more teach the pool little, and each costs half a minute


@task(name="calibrate", cache_policy=NO_CACHE, persist_result=False)
def calibrate(job: Job) -> CalibrationRecord:
    """Learn from every outcome known at `as_of`, and keep the state; walk history first where it is young."""
    closed = closed_bands(job)
    if _is_young(closed, job.settings.calibration):
        rehearse(job)
        closed = closed_bands(job)
    record = _record(job, learn(closed, _config(job)))
    with writing(store(job.settings.url)) as connection:
        CalibrationRepository(connection).add(record)
    get_run_logger().info("calibrate: %s, from %d outcomes", record.calibration_id, record.outcomes)
    return record


def closed_bands(job: Job, horizons: Sequence[int] = ()) -> pd.DataFrame:
    """Bands that had closed by `as_of`, with what happened: nothing of a later session; at all horizons."""
    since = job.as_of - timedelta(days=job.settings.calibration.window_days)
    levels = job.settings.simulation.levels
    with reading(store(job.settings.url)) as connection:
        repository = VerificationRepository(connection, job.source.name)
        return repository.closed(job.as_of, since, levels[-1] - levels[0], horizons)


def rehearse(job: Job) -> None:
    """Walk over history as if bands had been issued, and keep what became of them, marked as never issued."""
    logger = get_run_logger()
    logger.info("calibrate: too few outcomes yet, walking over history")

    def report(done: int, origins: int) -> None:
        if done % 10 == 0:
            logger.info("calibrate: %d of %d sessions walked", done, origins)

    settings = job.settings
    configs = (settings.model, _rough(settings.simulation), _config(job))
    chosen = job.tickers[:: -(-len(job.tickers) // REHEARSED_TICKERS)]  # from all over the list
    _keep(job, cold_start(stored_histories(job, chosen), job.as_of, configs, report))


def _keep(job: Job, walked: Sequence[Walked]) -> None:
    scores = score_walked(walked, job.as_of)
    if scores.empty:
        return
    with writing(store(job.settings.url)) as connection:
        repository = VerificationRepository(connection, job.source.name)
        repository.store(scores, datetime.now(UTC), replace=False)


def _is_young(closed: pd.DataFrame, config: CalibrationConfig) -> bool:
    """Whether too few forecasts have closed, and history was not walked for these sessions already."""
    walked = (closed["kind"] == "walk_forward").any()
    return not walked and len(closed[["ticker", "as_of"]].drop_duplicates()) < config.fewest_outcomes


def _config(job: Job) -> CalibrationConfig:
    return job.settings.calibration.model_copy(update={"tail": job.settings.simulation.levels[0]})


def _rough(simulation: SimulationConfig) -> SimulationConfig:
    runs, paths = simulation.dropout_runs, simulation.noise_paths
    changes = {"dropout_runs": min(runs, REHEARSED_RUNS), "noise_paths": min(paths, REHEARSED_PATHS)}
    return simulation.model_copy(update=changes)


def _record(job: Job, learned: Calibration) -> CalibrationRecord:
    state = learned.to_json()
    key = "|".join((job.source.name, str(job.as_of), state))
    return CalibrationRecord(
        calibration_id=f"{job.as_of}-{hashlib.sha256(key.encode()).hexdigest()[:10]}",
        source=job.source.name,
        as_of=job.as_of,
        state=state,
        outcomes=learned.outcomes_total,
        code_version=installed("bandcast"),
        created_at=datetime.now(UTC),
    )
