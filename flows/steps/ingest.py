"""Ingest: prices of each ticker from the source into the store, or the reason why not."""

import math
from collections.abc import Iterable, Mapping, Sized
from dataclasses import replace

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from db import QuarantineRecord, SaveReport
from flows.context import RunContext
from flows.reporting.artifacts import show_quarantined
from flows.sources.retry import Retrier, open_retrier
from flows.summary import Ingested, RunSummary, Stopwatch
from forecasting.calendars.exchanges import calendar_name
from forecasting.errors import CalendarError, GapError, PriceError, SessionsUnknownError, SourceError
from forecasting.prices.history import PriceHistory
from forecasting.prices.reconciliation import reconcile
from forecasting.prices.trust import TRUSTED_WITHIN, is_trusted
from forecasting.prices.validation import check_complete, keep_sessions


@task(name="pull", cache_policy=NO_CACHE, persist_result=False, task_run_name="pull-{ticker}")
def ingest_ticker(context: RunContext, ticker: str, retrier: Retrier) -> Ingested | PriceError:
    """Fetch, check and save one ticker; the retries are in `retrier`, which all tickers share."""
    return try_ticker(context, ticker, retrier)


def try_ticker(context: RunContext, ticker: str, retrier: Retrier) -> Ingested | PriceError:
    """Fetch, check and save one ticker; a fault of its prices is returned."""
    try:
        session = context.session_of(ticker)
        history = retrier.call(ticker, lambda: context.source.fetch(ticker, context.history_start, session))
        report = save_history(context, history)
        require_complete(context, ticker)
    except CalendarError as error:
        return SessionsUnknownError(ticker, str(error))
    except PriceError as error:
        return error
    return Ingested(ticker, report.new, report.changed, report.vanished)


def ingest_tickers(context: RunContext, tickers: Iterable[str]) -> dict[str, PriceError]:
    """Ingest every ticker; return the reasons of those that failed."""
    retrier = open_retrier(context.settings)
    futures = {ticker: ingest_ticker.submit(context, ticker, retrier) for ticker in dict.fromkeys(tickers)}
    results = [future.result() for future in futures.values()]
    ingested = [result for result in results if isinstance(result, Ingested)]
    failed = {result.ticker: result for result in results if isinstance(result, PriceError)}
    get_run_logger().info(
        "ingest: %d tickers from %s, %d new bars, %d changed, %d vanished and kept, %d tickers failed",
        len(results),
        context.source.name,
        sum(result.new for result in ingested),
        sum(result.changed for result in ingested),
        sum(result.vanished for result in ingested),
        len(failed),
    )
    return failed


def ingest_universe(context: RunContext) -> RunSummary:
    """Ingest everything that is forecast or trained on, and report it.

    Raises:
        SourceError: Fewer tickers than `min_success_ratio` requires.
    """
    watch = Stopwatch()
    with watch.stage("ingest"):
        failed = ingest_tickers(context, (*context.tickers, *context.train_tickers))
    done = tuple(ticker for ticker in context.tickers if ticker not in failed)
    report_quarantine(context, failed, done)
    require_enough(context, done, "prices")
    return RunSummary(context.as_of, tickers=done, quarantined=failed, seconds=watch.seconds)


def save_history(context: RunContext, history: PriceHistory) -> SaveReport:
    """Put a download into the units of the store and save what is new, in one transaction.

    Raises:
        PriceError: It contradicts the store or itself; nothing is written.
    """
    calendar, live = calendar_name(history.ticker), context.source.live
    if live:
        history = replace(history, bars=keep_sessions(history, calendar))
    with context.store.writing() as tx:
        stored = tx.prices.load(history.ticker)
        refusals = tx.quarantines.last_refusals(history.ticker, context.as_of, TRUSTED_WITHIN.days)
        through = None if stored.bars.empty else stored.last_session
        reading = reconcile(
            stored,
            history,
            trusted=live and is_trusted(refusals, context.as_of, stored_through=through),
            owned=not live,
            disputes=tx.prices.disputes(history.ticker, context.now),
        )
        return tx.prices.save(reading, context.now, calendar=calendar, download=history)


def require_complete(context: RunContext, ticker: str) -> None:
    """Raise for sessions that the store still lacks; a file's owner decides what sessions it has.

    Raises:
        StaleHistoryError: The last closed session.
        GapError: A recent one.
    """
    session = context.session_of(ticker)
    with context.store.reading() as tx:
        stored = tx.prices.load(ticker, session)
    try:
        check_complete(stored, calendar_name(ticker), session)
    except GapError:
        if context.source.live:
            raise


def save_quarantine(context: RunContext, failed: Mapping[str, PriceError], done: Iterable[str]) -> None:
    """Save the reason of each ticker that failed, and lift the quarantine of those that went through."""
    rows = [
        QuarantineRecord(context.source.name, ticker, context.as_of, error.reason, str(error), context.now)
        for ticker, error in failed.items()
    ]
    with context.store.writing() as tx:
        tx.quarantines.add(rows)
        tx.quarantines.lift(context.as_of, list(done))


def report_quarantine(context: RunContext, failed: Mapping[str, PriceError], done: Iterable[str]) -> None:
    """Save quarantines, and show them in the log and the UI."""
    save_quarantine(context, failed, done)
    for error in failed.values():
        get_run_logger().warning("quarantined %s", error)
    show_quarantined(context.as_of, failed)


def require_enough(context: RunContext, done: Sized, what: str) -> None:
    """Raise unless enough of the tickers went through.

    Raises:
        SourceError: Fewer than `min_success_ratio` requires.
    """
    share = context.settings.min_success_ratio * len(context.tickers)
    needed = max(1, math.ceil(round(share, 9)))
    if len(done) < needed:
        raise SourceError(
            f"Expected {what} of at least {needed} of {len(context.tickers)} tickers, found {len(done)}; "
            "see the quarantined tickers."
        )
