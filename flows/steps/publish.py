"""Publish sessions: each one in its own transaction, the oldest first."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.context import Job
from flows.forecast import forecast_and_publish
from flows.ingest import ingest_all
from flows.prefect_runtime.events import emit_published
from flows.retrain import champion, ensure_model
from flows.steps.missing_sessions import Plan
from flows.steps.models import model
from flows.steps.report import report_calibration, report_missing, report_promotion, report_run
from flows.summary import RunSummary, SessionFill, Stopwatch
from forecasting.errors import BandcastError, PriceError
from forecasting.types import Retrain


def publish_plan(job: Job, plan: Plan, retrain: Retrain) -> RunSummary | State[Any]:
    """Do the work of a daily run; return the state `Skipped` where there is nothing to do."""
    report_missing(plan)
    if not plan.jobs:
        get_run_logger().info("skipped: %s", plan.sentence())
        return Completed(name="Skipped", message=plan.sentence(), data=RunSummary(job.as_of))
    watch = Stopwatch()
    with watch.stage("ingest"):
        failed = ingest_all(job, universe(job))
    filled = tuple(fill(missed, missed.tickers) for missed in plan.jobs if missed.kind == "backfill")
    summary = RunSummary(job.as_of, quarantined=failed, seconds=watch.seconds)
    if not plan.reason:
        summary = publish_session(job, failed, retrain, watch)
    with watch.stage("report"):
        report = report_run(job, summary.tickers or job.tickers)
        report_calibration(job)
        report_promotion(job)
    return replace(summary, seconds=watch.seconds, report=report, filled=filled)


def publish_session(
    job: Job, failed: Mapping[str, PriceError], retrain: Retrain, watch: Stopwatch
) -> RunSummary:
    """Publish the bands of one session from stored prices."""
    with watch.stage("train"):
        version = ensure_model(job, retrain)
    summary = forecast_and_publish(job, version, failed, watch)
    emit_published(job, summary)
    return summary


def fill(job: Job, tickers: Sequence[str]) -> SessionFill:
    """Publish the bands of a missed session with the model that was active then, however old.

    A session that cannot be filled does not keep the others from being filled: its reason is returned.
    """
    try:
        if champion(job) is None:
            ensure_model(job, "auto")
        summary = publish_session(replace(job, tickers=tuple(tickers)), {}, "never", Stopwatch())
    except BandcastError as error:
        get_run_logger().error("backfill: %s is left without bands: %s", job.as_of, error)
        return SessionFill(job.as_of, failed=str(error))
    get_run_logger().info("backfill: %s has bands of %d tickers", job.as_of, len(summary.tickers))
    return SessionFill(job.as_of, published=summary.tickers)


def universe(job: Job) -> tuple[str, ...]:
    """Return every ticker that a run needs prices of: forecast, training and reference universe."""
    record = champion(job)
    reference = model(job.settings.url, record.version).manifest.reference if record else ()
    return (*job.tickers, *job.train_tickers, *reference)
