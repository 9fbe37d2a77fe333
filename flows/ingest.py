"""Prices from the source into the store, ticker by ticker."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import task_run
from prefect.tasks import exponential_backoff

from db.engine import writing
from db.forecasts import ForecastRepository
from db.prices import PriceRepository
from db.records import Quarantine
from flows.outcomes import Ingested, Stopwatch, Summary
from flows.settings import SourceName
from flows.shell import due, one_sentence, run_name
from flows.wiring import Job, open_job, store, unique
from forecasting.errors import PriceError
from forecasting.sessions import calendar_name

RETRIES = 3


def _worth_a_retry(_task: object, _run: object, state: Any) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, PriceError) and error.retryable


@task(
    name="pull",
    cache_policy=NO_CACHE,
    persist_result=False,
    task_run_name="pull-{ticker}",
    retries=RETRIES,
    retry_jitter_factor=0.5,
    retry_condition_fn=_worth_a_retry,
)
def pull(job: Job, ticker: str) -> Ingested | PriceError:
    """Fetch, check and store one ticker; a fault that no retry can mend comes back as a value."""
    try:
        history = job.source.fetch(ticker, job.history_start, job.session_of(ticker))
    except PriceError as error:
        if error.retryable and task_run.run_count <= RETRIES:
            raise
        return error
    with writing(store(job.settings.url)) as connection:
        report = PriceRepository(connection, job.source.name).store(
            history, datetime.now(UTC), calendar=calendar_name(ticker)
        )
    return Ingested(ticker, report.new, report.changed, report.unchanged)


def ingest_all(job: Job, tickers: Iterable[str]) -> dict[str, PriceError]:
    """Pull every ticker; what failed comes back with its reason."""
    patient = pull.with_options(retry_delay_seconds=exponential_backoff(job.settings.retry_seconds))
    futures = {ticker: patient.submit(job, ticker) for ticker in unique(tickers)}
    results = {ticker: future.result() for ticker, future in futures.items()}
    failed = {ticker: result for ticker, result in results.items() if isinstance(result, PriceError)}
    arrived = [result for result in results.values() if isinstance(result, Ingested)]
    get_run_logger().info(
        "ingest: %d tickers from %s, %d new bars, %d changed, %d tickers failed",
        len(results),
        job.source.name,
        sum(one.new for one in arrived),
        sum(one.changed for one in arrived),
        len(failed),
    )
    return failed


def record_quarantine(job: Job, failed: Mapping[str, PriceError], done: Iterable[str]) -> None:
    """Keep each reason in the store, and lift the quarantine of what went through."""
    now = datetime.now(UTC)
    rows = [
        Quarantine(job.source.name, ticker, job.as_of, error.reason, str(error), now)
        for ticker, error in failed.items()
    ]
    with writing(store(job.settings.url)) as connection:
        repository = ForecastRepository(connection)
        repository.quarantine(rows)
        repository.clear(job.source.name, job.as_of, list(done))
    for error in failed.values():
        get_run_logger().warning("quarantined %s", error)


@flow(name="ingest", flow_run_name=run_name)
@one_sentence
def ingest(
    tickers: list[str] | None = None,
    source: SourceName | None = None,
    csv_dir: str | None = None,
    as_of: date | None = None,
) -> dict[str, Any]:
    """Bring the price store up to date, and do nothing else.

    Args:
        tickers: Symbols to pull; empty for the configured universe.
        source: Where prices come from; empty for the configured one.
        csv_dir: Folder of TICKER.csv files, for the source csv.
        as_of: Last session to pull; empty for the last closed one.
    """
    job = open_job(due(), as_of, tickers=tickers, source=source, csv_dir=csv_dir)
    watch = Stopwatch()
    with watch.stage("ingest"):
        failed = ingest_all(job, (*job.tickers, *job.train_tickers))
    done = tuple(ticker for ticker in job.tickers if ticker not in failed)
    record_quarantine(job, failed, done)
    return Summary(job.as_of, tickers=done, quarantined=failed, seconds=watch.seconds).plain()
