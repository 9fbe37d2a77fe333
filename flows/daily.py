"""The daily job: prices in, forecast bands out."""

from datetime import date
from typing import Annotated, Any

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.forecast import forecast_and_publish
from flows.ingest import ingest_all
from flows.models import model
from flows.outcomes import Stopwatch
from flows.report import report
from flows.retrain import Retrain, champion, ensure_model
from flows.settings import SourceName
from flows.shell import due, one_sentence, run_name
from flows.wiring import Job, open_job


@flow(name="daily", flow_run_name=run_name, task_runner=ThreadPoolTaskRunner(max_workers=4))  # type: ignore[arg-type]  # as in flows.forecast
@one_sentence
def daily(
    tickers: list[str] | None = None,
    source: SourceName | None = None,
    csv_dir: str | None = None,
    as_of: date | None = None,
    horizon: Annotated[int, Field(ge=1, le=30)] = 30,
    retrain: Retrain = "auto",
) -> dict[str, Any]:
    """Pull prices, train where needed, forecast, publish and report.

    Args:
        tickers: Symbols to forecast; empty for the configured universe.
        source: Where prices come from; empty for the configured one.
        csv_dir: Folder of TICKER.csv files, for the source csv.
        as_of: Session to forecast from; empty for the last closed one.
        horizon: Sessions ahead.
        retrain: auto trains where no model serves or the champion is old; always and never say so.
    """
    job = open_job(due(), as_of, tickers=tickers, source=source, csv_dir=csv_dir, horizon=horizon)
    watch = Stopwatch()
    with watch.stage("ingest"):
        failed = ingest_all(job, universe(job))
    with watch.stage("train"):
        version = ensure_model(job, retrain)
    summary = forecast_and_publish(job, version, failed, watch)
    with watch.stage("report"):
        details = report(job, summary)
    return {**summary.plain(), **details}


def universe(job: Job) -> tuple[str, ...]:
    """Everything a run needs prices of: forecast, training and the champion's reference universe."""
    record = champion(job)
    reference = model(job.settings.url, record.version).manifest.reference if record else ()
    return (*job.tickers, *job.train_tickers, *reference)
