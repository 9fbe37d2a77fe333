"""Ingest: prices of each ticker from the source into the store, or the reason why not."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import replace
from datetime import date
from typing import Any, cast

import pandas as pd
from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Failed

from db import QuarantineRecord
from flows.context import RunContext
from flows.prefect_runtime.definitions import define_task
from flows.prefect_runtime.flow_support import opaque
from flows.presentation.artifacts import show_quarantined
from flows.sources.retry import Retrier, open_retrier
from flows.steps.closures import describe_closures, describe_prices, learn_closures
from flows.steps.earnings import refresh_earnings
from flows.steps.withdrawal import withdraw_bars
from flows.summary import Ingested, IngestResult, RunSummary, Stopwatch
from forecasting.calendars.sessions import Calendar
from forecasting.errors import CalendarError, GapError, PriceError, SessionsUnknownError, SourceError
from forecasting.faults import attribute_to_ticker
from forecasting.prices.activity import check_trading
from forecasting.prices.completeness import (
    check_complete,
    find_believed_gaps,
    find_off_calendar,
    keep_sessions,
)
from forecasting.prices.history import PriceHistory
from forecasting.prices.reconciliation import reconcile
from forecasting.prices.trust import TRUSTED_WITHIN, is_trusted
from forecasting.text import format_count, name_some

NAMED_FAULTS = 3


@define_task("pull", "pull-{ticker}")
def ingest_ticker(context: RunContext, ticker: str, retrier: Retrier) -> Ingested | State[PriceError]:
    """Fetch, check and save one ticker; the retries are in `retrier`, which all tickers share.

    Returns:
        What was saved; for a fault of its prices, a failed state named `Quarantined`.
    """
    result = try_ticker(context, ticker, retrier)
    if isinstance(result, PriceError):
        return Failed(name="Quarantined", message=str(result), data=result)
    return result


def try_ticker(context: RunContext, ticker: str, retrier: Retrier) -> Ingested | PriceError:
    """Fetch, check and save one ticker; a fault of its prices is returned, one of the store raises."""
    try:
        history = fetch_history(context, ticker, retrier)
        ingested = save_history(context, history)
        return replace(ingested, gaps=require_complete(context, ticker, history.owned))
    except CalendarError as error:
        return SessionsUnknownError(ticker, str(error))
    except PriceError as error:
        return error


def fetch_history(context: RunContext, ticker: str, retrier: Retrier) -> PriceHistory:
    """Fetch one ticker up to the last session of its own exchange, on its sessions.

    Raises:
        PriceError: It has no usable prices.
        CalendarError: The calendar of its exchange does not cover them.
    """
    with attribute_to_ticker(ticker):
        session = context.last_session(context.calendars.presume(ticker))
        history = retrier.call(ticker, lambda: context.source.fetch(ticker, context.history_start, session))
    calendar = confirm_calendar(context, history)
    with attribute_to_ticker(ticker):
        return keep_sessions(history, calendar)


def ingest_tickers(context: RunContext, tickers: Iterable[str]) -> IngestResult:
    """Ingest every ticker, and learn the closures that the tickers of an exchange agree on.

    Of tickers that are not forecast, a fault is a note and no quarantine.
    """
    retrier = open_retrier(context.settings)
    given = opaque(context)
    futures = {ticker: ingest_ticker.submit(given, ticker, retrier) for ticker in dict.fromkeys(tickers)}
    results = [await_ingest(future) for future in futures.values()]
    context = replace(context, calendars=learn_closures(context, futures))
    results = [recheck_gap(context, result) for result in results]
    ingested = [result for result in results if isinstance(result, Ingested)]
    failed = {result.ticker: result for result in results if isinstance(result, PriceError)}
    unused = {ticker: failed.pop(ticker) for ticker in list(failed) if ticker not in context.tickers}
    get_run_logger().info(
        "ingest: %s from %s, %s, %d changed, %d vanished and kept; %s failed",
        format_count(len(results), "ticker"),
        context.source.name,
        format_count(sum(result.new for result in ingested), "new bar"),
        sum(result.changed for result in ingested),
        sum(result.vanished for result in ingested),
        format_count(len(failed) + len(unused), "ticker"),
    )
    notes = (
        *describe_closures(context),
        *describe_prices(context, ingested),
        *describe_files(context),
        *context.unread_earnings,
        *describe_missing(unused),
    )
    for note in notes:
        get_run_logger().warning("ingest: %s", note)
    return IngestResult(failed, notes, context.calendars, tuple(unused))


def await_ingest(future: PrefectFuture[Any]) -> Ingested | PriceError:
    """Wait for a download; return the fault of its prices, and raise any other error."""
    result = future.result(raise_on_failure=False)
    if isinstance(result, Exception) and not isinstance(result, PriceError):
        raise result
    return cast("Ingested | PriceError", result)


def describe_files(context: RunContext) -> Iterator[str]:
    """Yield a sentence if files are not read because of their names."""
    if files := context.source.ignored_files():
        yield f"files not read, because their names are no TICKER.csv: {name_some(files)}"


def describe_missing(faults: Mapping[str, PriceError]) -> Iterator[str]:
    """Yield a sentence on the tickers that are not forecast and have no new prices, by reason."""
    for reason in sorted({error.reason for error in faults.values()}):
        tickers = [ticker for ticker, error in faults.items() if error.reason == reason]
        yield f"no new prices of {name_some(tickers)} ({reason}), not forecast; what is stored serves"


def recheck_gap(context: RunContext, result: Ingested | PriceError) -> Ingested | PriceError:
    """Check a gap again against the closures that this run has learned."""
    if not isinstance(result, GapError):
        return result
    try:
        return Ingested(result.ticker, 0, 0, gaps=require_complete(context, result.ticker))
    except PriceError as error:
        return error


def ingest_universe(context: RunContext, tickers: Sequence[str]) -> RunSummary:
    """Ingest everything that a run needs, and show the quarantined tickers.

    Args:
        context: The run.
        tickers: Those that are forecast, and the reference universe of the model that serves.

    Raises:
        SourceError: Fewer tickers than `min_success_ratio` requires.
    """
    watch = Stopwatch()
    with watch.stage("ingest"):
        result = ingest_tickers(context, (*tickers, *context.settings.train_tickers))
        refresh_earnings(replace(context, calendars=result.calendars), result.select_done(context.tickers))
    done = require_ingested(context, result)
    show_quarantined(context.as_of, result.failed)
    return RunSummary(
        context.as_of,
        tickers=done,
        quarantined=result.failed,
        seconds=watch.seconds,
        notes=result.notes,
    )


def require_ingested(context: RunContext, result: IngestResult) -> tuple[str, ...]:
    """Quarantine the tickers that failed; return those that are to be forecast and have prices.

    Raises:
        SourceError: Fewer than `min_success_ratio` requires.
    """
    done = result.select_done(context.tickers)
    quarantine_tickers(context, result.failed, done)
    require_enough(context, done, "prices", faults=result.failed)
    return done


def save_history(context: RunContext, history: PriceHistory) -> Ingested:
    """Put a download into the units of the store and save what is new, in one transaction.

    Raises:
        PriceError: It contradicts the store or itself; nothing is written.
    """
    ticker, live = history.ticker, context.source.live
    with context.store.writing() as tx:
        before = tx.prices.load(ticker)
        through = None if before.bars.empty else before.last_session
        refusals = tx.quarantines.list_last_refusals(ticker, context.as_of, TRUSTED_WITHIN.days)
        trusted = live and is_trusted(refusals, context.as_of, stored_through=through)
        notes = withdraw_bars(tx, history, context.now, trusted=trusted)
        stored = tx.prices.load(ticker) if notes else before  # a note says what was cleared
        disputes = tx.prices.list_disputes(ticker, context.now)
        with attribute_to_ticker(ticker):
            reading = reconcile(stored, history, trusted=trusted, owned=not live, disputes=disputes)
        calendar = context.calendars.presume(ticker)
        saved = tx.prices.save(reading, context.now, calendar=calendar.name, download=history)
        # A bar of a day that counts as closed only since is kept, too: no download has it again.
        closed = find_off_calendar(stored, calendar).date if saved.vanished else ()
    vanished = set(saved.vanished).difference(closed)
    notes += [f"{ticker}: {note}" for note in history.notes]
    return Ingested(ticker, saved.new, saved.changed, len(vanished), notes=tuple(notes))


def confirm_calendar(context: RunContext, history: PriceHistory) -> Calendar:
    """Return the calendar of a download's sessions, without the closures found in prices.

    A zone that differs from the stored one is a contradiction of the store, not a sign of the exchange.

    Raises:
        UnknownExchangeError: The source dates the ticker in another time zone than its calendar.
    """
    ticker, zone = history.ticker, history.facts.zone
    with context.store.reading() as tx:
        stored = tx.prices.load_facts(ticker).zone
    contradicts = stored is not None and stored != zone
    return context.given_calendars.confirm(ticker, None if contradicts else zone, history.last_session)


def require_complete(
    context: RunContext, ticker: str, owned: pd.DatetimeIndex | None = None
) -> tuple[date, ...]:
    """Raise for sessions that the store still lacks; return the recent ones that are not waited for.

    A file's owner decides what sessions it has.

    Args:
        context: The run.
        ticker: The symbol.
        owned: As of `PriceHistory`.

    Raises:
        StaleHistoryError: The last closed session.
        GapError: One just before it.
        StalePriceError: All are there, and nothing is traded.
    """
    calendar = context.calendars.presume(ticker)
    session = context.last_session(calendar)
    with context.store.reading() as tx:
        stored = tx.prices.load(ticker, session)
    check_trading(stored)
    try:
        with attribute_to_ticker(ticker):
            check_complete(replace(stored, owned=owned), calendar, session)
    except GapError:
        if context.source.live:
            raise
    return find_believed_gaps(stored, calendar, session)


def save_quarantines(context: RunContext, failed: Mapping[str, PriceError], done: Iterable[str]) -> None:
    """Save the reason of each ticker that failed, and lift the quarantine of those that went through."""
    rows = [
        QuarantineRecord(context.source.name, ticker, context.as_of, error.reason, str(error), context.now)
        for ticker, error in failed.items()
    ]
    with context.store.writing() as tx:
        tx.quarantines.add(rows)
        tx.quarantines.lift(context.as_of, list(done))


def quarantine_tickers(context: RunContext, failed: Mapping[str, PriceError], done: Iterable[str]) -> None:
    """Save the quarantines of a run, and log the reason of each."""
    save_quarantines(context, failed, done)
    for error in failed.values():
        get_run_logger().warning("quarantined %s", error)


def require_enough(
    context: RunContext, done: Sized, subject: str, *, faults: Mapping[str, PriceError]
) -> None:
    """Raise unless enough of the tickers went through.

    Raises:
        SourceError: Fewer than `min_success_ratio` requires.
    """
    share = context.settings.min_success_ratio * len(context.tickers)
    needed = max(1, math.ceil(round(share, 9)))
    if len(done) < needed:
        show_quarantined(context.as_of, faults)
        raise SourceError(
            f"Expected {subject} of at least {needed} of {format_count(len(context.tickers), 'ticker')}, "
            f"found {len(done)}: "
            f"{join_reasons(context.tickers, faults) or 'see the quarantined tickers'}."
        )


def require_stored(context: RunContext, faults: Mapping[str, PriceError]) -> None:
    """Raise unless the store holds prices of at least one ticker up to the session.

    Args:
        context: Of a run that reads its prices from the store.
        faults: Why tickers could not be ingested just now.

    Raises:
        SourceError: It holds none.
    """
    with context.store.reading() as tx:
        spans = tx.prices.load_spans()
    if any(ticker in spans and spans[ticker][0] <= context.as_of for ticker in context.tickers):
        return
    more = " and others" if len(context.tickers) > NAMED_FAULTS else ""
    raise SourceError(
        f"Expected stored {context.source.name} prices of {', '.join(context.tickers[:NAMED_FAULTS])}{more} "
        f"up to {context.as_of}, found none: "
        f"{join_reasons(context.tickers, faults) or 'run `bandcast ingest`'}."
    )


def join_reasons(tickers: Sequence[str], faults: Mapping[str, PriceError]) -> str:
    """Join the reasons of the first few tickers to one sentence, without its full stop."""
    named = [ticker for ticker in tickers if ticker in faults][:NAMED_FAULTS]
    return "; ".join(str(faults[ticker]).rstrip(".") for ticker in named)
