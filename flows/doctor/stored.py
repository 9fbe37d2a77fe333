"""Checks of the store: reachable, of this release, and up to date."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta

from db import inspect_file, inspect_store, measure_store, open_reader
from flows.context import find_newest_session, load_calendars
from flows.doctor.finding import Finding
from flows.environment import PREFIX
from flows.prefect_variables import resolve_variables
from flows.settings import Settings
from flows.sources.calendars import list_calendar_changes, read_calendars
from flows.sources.registry import open_source
from forecasting.calendars.exchanges import HOME
from forecasting.calendars.lookup import Calendars
from forecasting.calendars.sessions import is_session, next_sessions, sessions_between
from forecasting.config import LONGEST_HORIZON
from forecasting.errors import CalendarError, SourceError, StoreError, UnknownExchangeError
from forecasting.text import format_count, name_some

LATE_SESSIONS = 1
TABLES_SHOWN = 4
LOOKED_BACK = timedelta(days=30)
A_DAY = timedelta(days=1)


def check_database(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Check that the database answers and has this release's schema."""
    try:
        status = inspect_store(settings.url)
    except StoreError as error:
        yield Finding("database", "fail", str(error))
        return
    if status.differences:
        found = f"{status.display_url}: {'; '.join(status.differences)}"
        yield Finding("database", "fail", found, "restore the schema by hand or from a backup")
    elif status.is_current:
        yield Finding("database", "ok", f"{status.display_url} at migration {status.migration}")
    elif status.migration is None:
        yield Finding("database", "warn", f"{status.display_url} is empty", "the first run sets it up")
    else:
        found = f"{status.display_url} at migration {status.migration}"
        yield Finding("database", "fail", found, status.advice)


def check_file(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Check the pages of a SQLite file, and that it holds all that was committed to it."""
    lost = inspect_file(settings.url)
    if lost is None:
        return
    if lost:
        advice = "see 'A damaged store' in docs/operations.md"
        found = f"the last {format_count(lost, 'commit is', 'commits are')} lost"
        yield Finding("file", "fail", found, advice)
    else:
        yield Finding("file", "ok", "every page is whole")


def check_size(settings: Settings, _: datetime) -> Iterator[Finding]:
    """Name the size of the store and of its largest tables."""
    try:
        size = measure_store(settings.url)
    except StoreError:
        return  # check_database reports it
    if size is not None:
        tables = [f"{name} {_format_bytes(count)}" for name, count in size.tables.items()]
        free = [f"{_format_bytes(size.free)} free"] if size.free else []
        found = ", ".join([_format_bytes(size.total), *free, *tables[:TABLES_SHOWN]])
        yield Finding("size", "ok", found)


def check_calendars(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Check that every ticker has an exchange, whose calendar reaches as far ahead as bands do.

    Days that are set and change nothing, such as a closure on a Sunday, are likely mistyped.
    """
    names: set[str] = set()
    faults = list(_list_idle_days(settings))
    for ticker in _list_tickers(settings, now):
        try:
            names.add(read_calendars(settings).of(ticker).name)
        except UnknownExchangeError as error:
            faults.append(Finding("calendars", "fail", str(error)))
    for name in names or {HOME}:
        try:
            next_sessions(name, now.date(), LONGEST_HORIZON)
        except CalendarError as error:
            advice = "pip install --upgrade exchange_calendars"
            faults.append(Finding("calendars", "fail", str(error), advice))
    reach = f"{', '.join(sorted(names or {HOME}))} reach {LONGEST_HORIZON} sessions past {now.date()}"
    yield from faults or [Finding("calendars", "ok", reach)]


def _list_idle_days(settings: Settings) -> Iterator[Finding]:
    """Yield a warning for each closure without a session and each opening with one."""
    for change in sorted(list_calendar_changes(settings)):
        try:
            trades = is_session(change.calendar, change.session)
        except CalendarError:  # of a day far away
            trades = False
        if trades == (change.kind == "opening"):
            variable = f"{PREFIX}{change.kind.upper()}S"
            trading = "trades" if trades else "does not trade"
            day = f"{change.calendar} {trading} on {change.session} by its calendar"
            found = f"{day}, so {variable} changes nothing"
            yield Finding("calendars", "warn", found, "correct the day, or take it out")


def check_freshness(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Check that prices are of the last closed session, and that the last one that is due has bands."""
    try:
        source = open_source(settings, now)
    except SourceError:
        return  # check_price_folder reports it
    tickers = resolve_variables(settings).tickers or source.tickers()
    if not tickers:
        yield Finding("freshness", "warn", "no tickers are configured", "set BANDCAST_TICKERS")
        return
    try:
        status = inspect_store(settings.url)
    except StoreError:
        return  # check_database reports it
    if status.differences or status.migration not in (None, status.needed):
        return  # likewise
    if not status.is_current:
        yield Finding("freshness", "warn", "no store to look into yet", "run `bandcast run`")
        return
    expected = find_newest_session(settings, source, tickers, due=now)
    wanted = find_newest_session(
        settings, source, tickers, due=now - timedelta(minutes=settings.publish_minutes)
    )
    with open_reader(settings.url, settings.source) as store, store.reading() as tx:
        bars = {ticker: last for ticker, (_, last) in tx.prices.load_spans().items()}
        bands = dict(sorted(tx.forecasts.load_completed(expected - LOOKED_BACK, expected, 1)))
        calendars = load_calendars(store, dict(settings.calendars), now)
    yield _describe_age("prices", bars, tickers, expected=expected, calendars=calendars)
    finding = _describe_age("bands", bands, tickers, expected=wanted, calendars=calendars)
    if all(_is_late(ticker, bands.get(ticker), wanted, calendars=calendars) for ticker in tickers):
        finding = replace(finding, verdict="fail", found=f"none of {wanted}, of any ticker")
    yield finding


def _format_bytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def _describe_age(
    subject: str, last: Mapping[str, date], tickers: tuple[str, ...], *, expected: date, calendars: Calendars
) -> Finding:
    late = sorted(
        ticker for ticker in tickers if _is_late(ticker, last.get(ticker), expected, calendars=calendars)
    )
    if not late:
        return Finding(subject, "ok", f"of {format_count(len(tickers), 'ticker')}, up to {expected}")
    found = f"older than {expected}, or none: {name_some(late)}"
    return Finding(subject, "warn", found, "run `bandcast run`, and see `bandcast prices status`")


def _is_late(ticker: str, last: date | None, expected: date, *, calendars: Calendars) -> bool:
    if last is None:
        return True
    try:
        return len(sessions_between(calendars.of(ticker), last + A_DAY, expected)) >= LATE_SESSIONS
    except (CalendarError, UnknownExchangeError):
        return last < expected


def _list_tickers(settings: Settings, now: datetime) -> tuple[str, ...]:
    """List the configured tickers, or all of the source; none of one that `check_price_folder` reports."""
    if tickers := resolve_variables(settings).tickers:
        return tickers
    with suppress(SourceError):
        return open_source(settings, now).tickers()
    return ()
