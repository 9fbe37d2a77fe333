"""Earnings dates of a live source: read weekly and around a report, kept with when they were known.

Dates are an extra: whatever fails here has a named reason, and neither prices nor the run wait for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from prefect import get_run_logger

from flows.context import RunContext, load_earnings
from flows.prefect_runtime.definitions import define_task
from flows.prefect_runtime.flow_support import opaque
from flows.sources.earnings import LiveEarningsSource
from flows.sources.retry import Retrier, RetryPolicy
from flows.steps.progress import log_progress
from forecasting.calendars.listed_reports import ReportCheck, is_check_due, merge_reports
from forecasting.calendars.reports import Report
from forecasting.errors import CalendarError, PriceError, SessionsUnknownError
from forecasting.faults import attribute_to_ticker
from forecasting.text import name_some
from forecasting.types import ReportOrigin

LONGEST_MINUTES = 10.0  # for the dates of all tickers; what fails or is missing then is read tomorrow
REPORTING_KINDS = ("EQUITY", None)  # indices, funds and currencies have no reports; None is not known


@dataclass(frozen=True)
class FetchedReports:
    """Lists of a ticker's reports that could be read, and why the others could not."""

    listed: Mapping[ReportOrigin, Sequence[Report]]
    faults: Mapping[ReportOrigin, PriceError]


def refresh_earnings(
    context: RunContext, tickers: Iterable[str], *, lists: Sequence[ReportOrigin] = ()
) -> RunContext:
    """Read the earnings dates that are due; return the context with all that are known now.

    Args:
        context: The run.
        tickers: Those with prices.
        lists: Lists to read; all of the source unless named.
    """
    source, known_ahead = context.source, context.settings.known_ahead
    if known_ahead is None or not isinstance(source, LiveEarningsSource):
        return context
    due = list_due(context, tuple(dict.fromkeys(tickers)))
    if due:
        faults = ingest_earnings(opaque(context), source, due, lists=lists or source.report_lists)
        for note in describe_faults(faults):
            get_run_logger().warning("earnings dates: %s", note)
    earnings = load_earnings(context.store, tuple(context.earnings), known_ahead, now=context.now)
    return replace(context, earnings=earnings)


def list_due(context: RunContext, tickers: Sequence[str]) -> list[str]:
    """List the tickers whose dates are to be read now."""
    with context.store.reading() as tx:
        checks, reports = tx.earnings.load_checks(), tx.earnings.load_all(tickers, context.now)
        reporting = [ticker for ticker in tickers if tx.prices.load_facts(ticker).kind in REPORTING_KINDS]
    today = context.now.date()
    return [ticker for ticker in reporting if is_check_due(checks.get(ticker), reports[ticker], today)]


def describe_faults(faults: Mapping[str, PriceError]) -> Iterator[str]:
    """Yield a sentence for each reason for which dates could not be read."""
    for reason in sorted({error.reason for error in faults.values()}):
        tickers = [ticker for ticker, error in faults.items() if error.reason == reason]
        yield f"{reason} for {name_some(tickers)}; what is stored serves. {faults[tickers[0]]}"


@define_task("pull-earnings")
def ingest_earnings(
    context: RunContext, source: LiveEarningsSource, tickers: Sequence[str], *, lists: Sequence[ReportOrigin]
) -> dict[str, PriceError]:
    """Read and save the dates of each ticker; return the faults that were not there at the last attempt."""
    settings, new = context.settings, {}
    minutes = min(LONGEST_MINUTES, settings.ingest_minutes)
    retrier = Retrier(RetryPolicy(minutes, settings.retry_seconds, attempts=1, most_rate_limited=1))
    with log_progress("earnings dates of tickers read") as progress:
        for done, ticker in enumerate(tickers):
            progress.count(done, len(tickers))
            fetched = fetch_reports(context, source, ticker, retrier=retrier, lists=lists)
            if _save(context, ticker, fetched):
                new[ticker] = next(iter(fetched.faults.values()))
    return new


def fetch_reports(
    context: RunContext,
    source: LiveEarningsSource,
    ticker: str,
    *,
    retrier: Retrier,
    lists: Sequence[ReportOrigin],
) -> FetchedReports:
    """Fetch the lists of a ticker's reports; name the fault of each that cannot be had."""
    listed: dict[ReportOrigin, Sequence[Report]] = {}
    faults: dict[ReportOrigin, PriceError] = {}
    for origin in lists:
        try:
            with attribute_to_ticker(ticker):
                calendar = context.calendars.of(ticker)
                listed[origin] = retrier.call(ticker, lambda: source.fetch_reports(ticker, origin, calendar))  # noqa: B023  # called at once
        except CalendarError as error:
            faults[origin] = SessionsUnknownError(ticker, str(error))
        except PriceError as error:
            faults[origin] = error
    return FetchedReports(listed, faults)


def _save(context: RunContext, ticker: str, fetched: FetchedReports) -> bool:
    """Save what is known now and the attempt; return whether its fault is a new one."""
    now, fault = context.now, next(iter(fetched.faults.values()), None)
    with context.store.writing() as tx:
        before = tx.earnings.load_checks().get(ticker)
        if fetched.listed:
            stored = tx.earnings.load_all([ticker], now)[ticker]
            tx.earnings.replace({ticker: merge_reports(stored, fetched.listed, now.date())}, now)
        read_at = now if fetched.listed else before.read_at if before else None
        check = ReportCheck(now, read_at, fault.reason if fault else "", str(fault) if fault else "")
        tx.earnings.save_check(ticker, check)
    return fault is not None and (before is None or before.reason != fault.reason)
