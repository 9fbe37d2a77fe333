"""Sessions of a run: its own, and those that were missed, each as a run below the run, which the UI folds."""

from dataclasses import replace
from datetime import date
from typing import Any

from prefect import flow, get_run_logger, tags
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.context import RunContext
from flows.failures import hide_secrets, translate_error
from flows.prefect_runtime.automations import FILL_TAG
from flows.prefect_runtime.definitions import build_task_runner
from flows.prefect_runtime.flow_results import call_for_result, keep_result
from flows.steps.earnings import refresh_earnings
from flows.steps.ingest import ingest_tickers, require_ingested
from flows.steps.missing_sessions import SessionPlan
from flows.steps.models import ensure_model, find_active, list_universe
from flows.steps.present import (
    list_artifacts,
    present_calibration,
    present_missing,
    present_promotion,
    present_run,
    present_summary,
)
from flows.steps.publish import publish_session
from flows.summary import RunSummary, SessionFill, Stopwatch
from forecasting.errors import BandcastError
from forecasting.text import format_count
from forecasting.types import Retrain


def publish_plan(context: RunContext, plan: SessionPlan, retrain: Retrain) -> State[Any]:
    """Publish every session of a plan; return the state with a sentence, `Skipped` if there is none."""
    present_missing(plan)
    if plan.is_empty:
        sentence = plan.describe()
        get_run_logger().info("skipped: %s", sentence)
        return Completed(name="Skipped", message=sentence, data=RunSummary(context.as_of))
    watch = Stopwatch()
    with watch.stage("ingest"):
        ingested = ingest_tickers(context, list_universe(context))
        context = replace(context, calendars=ingested.calendars)
        context = refresh_earnings(context, ingested.select_done(context.tickers))
    filled = tuple(fill_session(context.at(session)) for session in plan.filled)
    summary = RunSummary(context.as_of, quarantined=ingested.failed, seconds=watch.seconds)
    if not plan.reason:
        require_ingested(context, ingested)
        summary = publish_session(context, ingested.failed, retrain, watch=watch)
    with watch.stage("report"):
        outputs = present_run(context, summary.tickers or context.tickers)
        present_calibration(context)
        decided = bool(present_promotion(context))
    summary = replace(summary, outputs=outputs, filled=filled, notes=(*ingested.notes, *summary.notes))
    artifacts = list_artifacts(summary, decided=decided, missing=bool(plan.missing))
    return Completed(message=present_summary(context, summary, artifacts), data=summary)


def fill_session(context: RunContext) -> SessionFill:
    """Publish a session that was missed, from the model that served then, however old.

    The result of a session that cannot be filled holds the reason; the others are filled all the same. Call
    it in the thread of the run: in another one Prefect does not know which run the session belongs to.
    """

    # The context is no parameter of it: Prefect would store its settings.
    @flow(name="fill", flow_run_name=f"fill-{context.as_of}", task_runner=build_task_runner())
    @keep_result
    def fill(session: date) -> State[Any]:
        return _publish_missed(context.at(session))

    with tags(FILL_TAG, f"source={context.source.name}", f"as_of={context.as_of}"):
        result = call_for_result(fill, context.as_of)
    if isinstance(result, SessionFill):
        return result
    raise result


def _publish_missed(context: RunContext) -> State[Any]:
    """Publish a session; return the state of its run, failed where it gets no new bands."""
    try:
        if find_active(context) is None:
            ensure_model(context, "auto")
        summary = publish_session(context, {}, "never", watch=Stopwatch())
    except BandcastError as error:
        get_run_logger().error("backfill: %s got no new bands: %s", context.as_of, error)
        return Failed(message=hide_secrets(str(error)), data=SessionFill(context.as_of, failed=str(error)))
    except Exception as error:
        failure = translate_error(error)  # which ends the run: the next session would meet it, too
        return Failed(message=hide_secrets(str(failure)), data=failure)
    get_run_logger().info(
        "backfill: %s has bands of %s", context.as_of, format_count(len(summary.tickers), "ticker")
    )
    sentence = f"{context.as_of}: bands of {format_count(len(summary.tickers), 'ticker')}."
    return Completed(message=sentence, data=SessionFill(context.as_of, summary.tickers))
