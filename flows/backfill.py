"""Backfill: bands for sessions that no run has published, after an outage of any length."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from flows.context import RunContext
from flows.prefect_runtime import parameters as form
from flows.prefect_runtime.definitions import define_flow
from flows.prefect_runtime.flow_support import open_flow_context
from flows.presentation.artifacts import show_backfill
from flows.steps.ingest import ingest_tickers, require_stored
from flows.steps.missing_sessions import load_unfinished
from flows.steps.models import list_universe
from flows.steps.sessions import fill_session
from flows.summary import BackfillSummary, SessionFill
from forecasting.calendars.lookup import Calendars
from forecasting.calendars.trading_days import Span, list_sessions
from forecasting.errors import SourceError, UsageError
from forecasting.text import format_count, name_some


@define_flow("backfill")
def backfill(
    start: form.Day,
    end: form.Day,
    tickers: form.Symbols = [],  # noqa: B006  # a literal, so that the form shows it; nothing changes it
    source: form.Source = "configured",
    csv_dir: str = "",
    horizon: form.Horizon = 30,
    paths: form.Paths = 0,
    dropout_runs: form.DropoutRuns = 0,
    seed: form.Seed = 0,
    success_ratio: form.SuccessRatio = 0,
    force: bool = False,
    reissue: bool = False,
) -> BackfillSummary:
    """Publish the bands of missing sessions, the oldest first and each at most once.

    A run that was cancelled continues where it stopped when it is started again. The rows are marked as
    backfilled: they come from the prices and models of today.

    Args:
        start: First session.
        end: Last session.
        tickers: Symbols to forecast, separated by commas or one per entry; @ and a watchlist's path on the
            worker, or @variable: and a Prefect Variable's name; none for the configured universe.
        source: Source of prices.
        csv_dir: Folder of TICKER.csv files on the worker, for the source csv.
        horizon: Sessions ahead, 1 to 30.
        paths: Simulated paths a ticker, up to 1000 for each dropout run; 0 for the configured number.
        dropout_runs: Monte-Carlo-dropout runs, 2 to 1000; 0 for the configured number.
        seed: Seed of the random streams and of training; 0 for the configured one.
        success_ratio: Least share of tickers forecast, or nothing is published; 0 for the configured one.
        force: Make backfilled bands again, and retry quarantined tickers; live bands stay.
        reissue: Force, and add an edition to live bands that now differ; the first edition stays.
    """
    if start > end:
        raise UsageError(f"Expected start at or before end, found {start} after {end}.")
    universe = form.overrides(tickers=tickers, source=source, csv_dir=csv_dir)
    numbers = form.overrides(
        horizon=horizon, paths=paths, dropout_runs=dropout_runs, seed=seed, success_ratio=success_ratio
    )
    with open_flow_context(end, parameter="end", reissue=reissue, **universe, **numbers) as context:
        return backfill_span(context, Span(start, end), force=force or reissue)


def backfill_span(context: RunContext, span: Span, *, force: bool) -> BackfillSummary:
    """Fill the sessions of a span, and report each.

    Raises:
        SourceError: One could not be filled.
    """
    fills = tuple(fill_span(context, span, force=force))
    show_backfill(span.first, span.last, fills)
    if failed := [fill for fill in fills if fill.failed]:
        raise SourceError(
            f"Expected bands of all sessions from {span.first} to {span.last}, found no new ones of "
            f"{name_some([fill.session for fill in failed])}; correct what left the first without, and run "
            f"it again: {failed[0].failed}"
        )
    return BackfillSummary(span.first, span.last, fills)


def fill_span(context: RunContext, span: Span, *, force: bool) -> Iterator[SessionFill]:
    """Fill the sessions that lack bands, the oldest first."""
    sessions = list_sessions(context.tickers, span, context.calendars)
    if not any(load_unfinished(context, session, force=force) for session in sessions):
        get_run_logger().info("backfill: %s done already", format_count(len(sessions), "session"))
        return
    context = replace(context, calendars=ingest_from(context, sessions[0]))
    bar: Any = create_progress_artifact(0.0, key="backfill-progress", description="Sessions done")
    for number, session in enumerate(sessions, start=1):
        if tickers := load_unfinished(context, session, force=force):
            yield fill_session(context.at(session, tickers))
        get_run_logger().info("backfill: %d of %s", number, format_count(len(sessions), "session"))
        update_progress_artifact(bar, progress=100.0 * number / len(sessions))


def ingest_from(context: RunContext, start: date) -> Calendars:
    """Bring the store up to date, with as much history before the first session as a run has.

    Returns:
        The calendars as they are known with these prices.

    Raises:
        SourceError: The store holds none up to the last session.
    """
    days = context.settings.history_days + (context.as_of - start) // timedelta(days=1)
    longer = replace(context, settings=context.settings.model_copy(update={"history_days": days}))
    result = ingest_tickers(longer, list_universe(longer))
    require_stored(longer, result.failed)
    return result.calendars
