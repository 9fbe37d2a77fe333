"""Publishing sessions: each one in a transaction of its own, the oldest first."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.context import Job
from flows.forecast import forecast_and_publish
from flows.ingest import ingest_all
from flows.prefect_runtime.events import announce
from flows.reporting.calibration import report_calibration
from flows.reporting.promotion import report_gate
from flows.reporting.report import report, report_missing
from flows.retrain import Retrain, champion, ensure_model
from flows.steps.missing_sessions import Plan
from flows.steps.models import model
from flows.summary import Stopwatch, Summary
from forecasting.errors import BandcastError, PriceError


def publish_plan(job: Job, plan: Plan, retrain: Retrain) -> dict[str, Any] | State[Any]:
    """What a daily run does, or the state `Skipped` where there is nothing to do."""
    report_missing(plan)
    if not plan.jobs:
        get_run_logger().info("skipped: %s", plan.sentence())
        data = Summary(job.as_of).plain()
        return Completed(name="Skipped", message=plan.sentence(), data=data)
    watch = Stopwatch()
    with watch.stage("ingest"):
        failed = ingest_all(job, universe(job))
    filled = [fill(one, one.tickers) for one in plan.jobs if one.kind == "backfill"]
    summary = Summary(job.as_of, quarantined=failed, seconds=watch.seconds)
    if not plan.reason:
        summary = publish_session(job, failed, retrain, watch)
    with watch.stage("report"):
        details = report(job, summary.tickers or job.tickers)
        report_calibration(job)
        report_gate(job)
    return {**summary.plain(), **details, "filled": filled}


def publish_session(
    job: Job, failed: Mapping[str, PriceError], retrain: Retrain, watch: Stopwatch
) -> Summary:
    """The bands of one session, from prices that are in the store."""
    with watch.stage("train"):
        version = ensure_model(job, retrain)
    summary = forecast_and_publish(job, version, failed, watch)
    announce(job, summary)
    return summary


def fill(job: Job, tickers: Sequence[str]) -> dict[str, Any]:
    """The bands of a session that was missed, from the model that served then, however old; what came of it.

    A session that cannot be filled is told, and does not keep the others from being filled.
    """
    told = {"session": job.as_of.isoformat(), "published": [], "failed": ""}
    try:
        if champion(job) is None:
            ensure_model(job, "auto")
        summary = publish_session(replace(job, tickers=tuple(tickers)), {}, "never", Stopwatch())
    except BandcastError as error:
        get_run_logger().error("backfill: %s is left without bands: %s", job.as_of, error)
        return {**told, "failed": str(error)}
    get_run_logger().info("backfill: %s has bands of %d tickers", job.as_of, len(summary.tickers))
    return {**told, "published": list(summary.tickers)}


def universe(job: Job) -> tuple[str, ...]:
    """Everything a run needs prices of: forecast, training and the champion's reference universe."""
    record = champion(job)
    reference = model(job.settings.url, record.version).manifest.reference if record else ()
    return (*job.tickers, *job.train_tickers, *reference)
