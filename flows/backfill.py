"""The backfill flow: bands for sessions that no run has published, after an outage of any length."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from prefect import flow, get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner

from db.engine import reading
from db.repositories.progress import ProgressRepository
from flows.context import Job, open_job, store
from flows.ingest import ingest_all
from flows.prefect_runtime.flow_support import due, one_sentence
from flows.prefect_runtime.parameters import Day, Horizon, Paths, Source, Symbols, overrides
from flows.prefect_runtime.run_names import run_name
from flows.reporting.artifacts import BackfillProgress, show_backfill
from flows.steps.missing_sessions import lacking, sessions_of
from flows.steps.publish import fill, universe
from flows.summary import BackfillSummary, SessionFill
from forecasting.errors import SourceError, UsageError


@flow(name="backfill", flow_run_name=run_name, task_runner=ThreadPoolTaskRunner(max_workers=4))  # type: ignore[arg-type]  # as in flows.forecast
@one_sentence
def backfill(
    start: Day,
    end: Day,
    tickers: Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: Source = "configured",
    csv_dir: str = "",
    horizon: Horizon = 30,
    paths: Paths = 0,
    force: bool = False,
) -> BackfillSummary:
    """Publish the bands of missed sessions, the oldest first and each at most once.

    A run that was cancelled goes on where it stopped when it is started again. The rows are marked as
    backfilled: they come from prices and models as they are known today.

    Args:
        start: First session.
        end: Last session.
        tickers: Symbols to forecast, as Yahoo writes them; none for the configured universe.
        source: Where prices come from.
        csv_dir: Folder of TICKER.csv files, for the source csv.
        horizon: Sessions ahead, 1 to 30.
        paths: Simulated paths a ticker, up to 100000; 0 for the configured number.
        force: Make backfilled bands anew, and try what was left out again; bands issued on their day stay.
    """
    if start > end:
        raise UsageError(f"Expected start at or before end, found {start} after {end}.")
    job = open_job(due(), end, **overrides(tickers, source, csv_dir, horizon=horizon, paths=paths))
    sessions = sessions_of(job.tickers, start, end)
    fills = tuple(fill_range(job, sessions, force=force))
    show_backfill(start, end, fills)
    require_filled(start, end, fills)
    return BackfillSummary(start, end, fills)


def fill_range(job: Job, sessions: list[date], *, force: bool) -> Iterator[SessionFill]:
    """Fill the sessions that lack bands, the oldest first."""
    if not any(todo(job, session, force=force) for session in sessions):
        get_run_logger().info("backfill: all %d sessions are done already", len(sessions))
        return
    pull_range(job, sessions[0])
    progress = BackfillProgress(len(sessions))
    for number, session in enumerate(sessions, start=1):
        if tickers := todo(job, session, force=force):
            yield fill(job.at(session), tickers)
        get_run_logger().info("backfill: %d of %d sessions", number, len(sessions))
        progress.update(number)


def todo(job: Job, session: date, *, force: bool) -> tuple[str, ...]:
    """Return the tickers that still lack bands of a session."""
    with reading(store(job.settings.url)) as connection:
        progress = ProgressRepository(connection, job.source.name)
        done = progress.forecast(session, session, job.settings.simulation.horizon)
        done = progress.issued(session) if force else done | progress.left_out(session, session)
    return lacking(job.tickers, session, done)


def pull_range(job: Job, start: date) -> None:
    """Bring the price store up to date, with as much history before the first session as a run has."""
    days = job.settings.history_days + (job.as_of - start) // timedelta(days=1)
    long = replace(job, settings=job.settings.model_copy(update={"history_days": days}))
    ingest_all(long, universe(long))


def require_filled(start: date, end: date, fills: Sequence[SessionFill]) -> None:
    """Raise if a session is still without bands.

    Raises:
        SourceError: One is.
    """
    failed = [str(fill.session) for fill in fills if fill.failed]
    if failed:
        raise SourceError(
            f"Expected bands of all sessions from {start} to {end}, found none of {', '.join(failed)}; "
            "see the artifact backfill and run it again."
        )
