"""Closures of exchanges found in the prices of their tickers, and notes on sessions without bars."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, timedelta

from flows.context import RunContext, load_calendars
from flows.presentation.prices import format_sessions
from flows.summary import Ingested
from forecasting.calendars.lookup import CalendarChange, Calendars, find_closures
from forecasting.calendars.trading_days import list_calendars
from forecasting.errors import CalendarError

SEARCHED = timedelta(days=365)  # before the session of the run
RECENT = timedelta(days=90)  # in which a closure that was found is worth a note


def learn_closures(context: RunContext, tickers: Iterable[str]) -> Calendars:
    """Find closures in the stored bars and save them; return the calendars as they are known then.

    The tickers of the run decide: others, such as those of the training universe, may not have been fetched
    for weeks. A closure is withdrawn as soon as any ticker has a bar of its day.
    """
    of_run = set(tickers)
    start, found, traded = context.as_of - SEARCHED, set[CalendarChange](), set[CalendarChange]()
    with context.store.reading() as tx:
        known = tx.calendars.load(context.now, "found")
        for calendar in list_calendars(of_run, context.given_calendars):
            sessions = tx.prices.load_sessions(calendar.name, start, context.as_of)
            with suppress(CalendarError):  # a file that is older than its calendar
                fetched = {ticker: days for ticker, days in sessions.items() if ticker in of_run}
                for day in find_closures(calendar, fetched, start=start, end=context.as_of):
                    found.add(CalendarChange(calendar.name, day, "closure"))
            days = set[date]().union(*sessions.values())
            traded |= {CalendarChange(calendar.name, day, "closure") for day in days}
    closures = (known | found) - traded
    if closures != known:
        with context.store.writing() as tx:
            tx.calendars.replace(closures, "found", context.now)
    return load_calendars(context.store, dict(context.settings.calendars), context.now)


def describe_closures(context: RunContext) -> Iterator[str]:
    """Yield a sentence for each recent closure that prices have shown."""
    with context.store.reading() as tx:
        found = sorted(tx.calendars.load(context.now, "found"))
    for closure in found:
        if context.as_of - RECENT <= closure.session <= context.as_of:
            yield (
                f"{closure.calendar} counts as closed on {closure.session}: none of its tickers has a bar of "
                "that day, and later ones have come."
            )


def describe_prices(context: RunContext, ingested: Iterable[Ingested]) -> Iterator[str]:
    """Yield the notes on the tickers that went through."""
    for result in ingested:
        yield from result.notes
        if gaps := [day for day in result.gaps if not _is_closed(context, result.ticker, day)]:
            yield (
                f"{result.ticker}: no bar of {format_sessions(gaps)}, although later ones have come; "
                "it counts as not traded."
            )


def _is_closed(context: RunContext, ticker: str, day: date) -> bool:
    calendar = context.calendars.find(ticker)
    return calendar is not None and day in calendar.closures
