"""The ingest flow: prices from the source into the store, ticker by ticker."""

from collections.abc import Iterable, Mapping, Sized

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE

from flows.context import Job, open_job, unique
from flows.prefect_runtime.flow_support import due, one_sentence
from flows.prefect_runtime.parameters import Day, Source, Symbols, overrides
from flows.prefect_runtime.run_names import run_name
from flows.reporting.artifacts import show_quarantined
from flows.sources.retry import Retrier, open_retrier
from flows.steps.ingest import note_quarantine, pull_one
from flows.summary import Ingested, RunSummary, Stopwatch
from forecasting.errors import PriceError, SourceError


@task(name="pull", cache_policy=NO_CACHE, persist_result=False, task_run_name="pull-{ticker}")
def pull(job: Job, ticker: str, retrier: Retrier) -> Ingested | PriceError:
    """Fetch, check and save one ticker; the tickers of a run share one retrier."""
    return pull_one(job, ticker, retrier)


def ingest_all(job: Job, tickers: Iterable[str]) -> dict[str, PriceError]:
    """Fetch and save every ticker; return the reason of each that failed."""
    retrier = open_retrier(job.settings)
    futures = {ticker: pull.submit(job, ticker, retrier) for ticker in unique(tickers)}
    results = {ticker: future.result() for ticker, future in futures.items()}
    failed = {ticker: result for ticker, result in results.items() if isinstance(result, PriceError)}
    arrived = [result for result in results.values() if isinstance(result, Ingested)]
    get_run_logger().info(
        "ingest: %d tickers from %s, %d new bars, %d changed, %d vanished and kept, %d tickers failed",
        len(results),
        job.source.name,
        sum(result.new for result in arrived),
        sum(result.changed for result in arrived),
        sum(result.vanished for result in arrived),
        len(failed),
    )
    return failed


def record_quarantine(job: Job, failed: Mapping[str, PriceError], done: Iterable[str]) -> None:
    """Keep the reasons in the store, the log and the UI; lift the quarantine of what went through."""
    note_quarantine(job, failed, done)
    for error in failed.values():
        get_run_logger().warning("quarantined %s", error)
    show_quarantined(job.as_of, failed)


def require_enough(job: Job, done: Sized, what: str) -> None:
    """Raise unless enough of the tickers went through.

    Raises:
        SourceError: Fewer than `min_success_ratio` asks for.
    """
    needed = job.settings.min_success_ratio * len(job.tickers)
    if len(done) < max(needed, 1):
        raise SourceError(
            f"Expected {what} of at least {max(1, round(needed))} of {len(job.tickers)} tickers, found "
            f"{len(done)}; see the quarantined tickers."
        )


@flow(name="ingest", flow_run_name=run_name)
@one_sentence
def ingest(
    tickers: Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: Source = "configured",
    csv_dir: str = "",
    as_of: Day | None = None,
) -> RunSummary:
    """Bring the price store up to date, and do nothing else.

    Args:
        tickers: Symbols to pull, as Yahoo writes them; none for the configured universe.
        source: Where prices come from.
        csv_dir: Folder of TICKER.csv files, for the source csv.
        as_of: Last session to pull; none for the last one closed when the run was due.
    """
    job = open_job(due(), as_of, **overrides(tickers, source, csv_dir))
    watch = Stopwatch()
    with watch.stage("ingest"):
        failed = ingest_all(job, (*job.tickers, *job.train_tickers))
    done = tuple(ticker for ticker in job.tickers if ticker not in failed)
    record_quarantine(job, failed, done)
    require_enough(job, done, "prices")
    return RunSummary(job.as_of, tickers=done, quarantined=failed, seconds=watch.seconds)
