"""Checks of the store: reachable, of this release, and up to date."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from db.engine import open_engine, reading
from db.migrate import current, head
from db.repositories.prices import PriceRepository
from db.repositories.progress import ProgressRepository
from flows.context import newest_session
from flows.doctor.finding import Finding
from flows.settings import Settings
from flows.sources import open_source
from forecasting.calendars.sessions import calendar_name, next_sessions, sessions_between
from forecasting.errors import BandcastError, DatabaseUnreachableError

LONGEST_HORIZON = 30
LATE_SESSIONS = 1
Tickers = tuple[str, ...]


def database(settings: Settings) -> Iterator[Finding]:
    """Check that the database answers and has the schema of this release."""
    engine = open_engine(settings.url)
    shown = engine.url.render_as_string(hide_password=True)
    try:
        found = current(engine)
    except DatabaseUnreachableError as error:
        yield Finding("database", "fail", str(error).rstrip("."))
        return
    finally:
        engine.dispose()
    if found == head():
        yield Finding("database", "ok", f"{shown} at migration {found}")
    elif found is None:
        yield Finding("database", "warn", f"{shown} is empty", "the first run sets it up")
    else:
        yield Finding("database", "fail", f"{shown} at migration {found}", "run `bandcast db upgrade`")


def calendars(settings: Settings) -> Iterator[Finding]:
    """Check that the exchange calendars reach as far ahead as bands do."""
    today = datetime.now(UTC).date()
    names = {calendar_name(ticker) for ticker in _tickers(settings)} or {"XNYS"}
    short = {}
    for name in sorted(names):
        try:
            next_sessions(name, today, LONGEST_HORIZON)
        except BandcastError as error:
            short[name] = str(error)
    for sentence in short.values():
        yield Finding("calendars", "fail", sentence, "pip install --upgrade exchange_calendars")
    if not short:
        reach = f"{', '.join(sorted(names))} reach {LONGEST_HORIZON} sessions past {today}"
        yield Finding("calendars", "ok", reach)


def freshness(settings: Settings) -> Iterator[Finding]:
    """Check that prices and bands are of the last closed session."""
    tickers = _tickers(settings)
    if not tickers:
        yield Finding("freshness", "warn", "no tickers are configured", "set BANDCAST_TICKERS")
        return
    expected = newest_session(open_source(settings), tickers, datetime.now(UTC), settings)
    engine = open_engine(settings.url)
    try:
        if current(engine) != head():
            yield Finding("freshness", "warn", "no store to look into yet", "run `bandcast run`")
            return
        with reading(engine) as connection:
            holdings = PriceRepository(connection, settings.source).holdings()
            beginning = expected - timedelta(days=30)
            progress = ProgressRepository(connection, settings.source)
            bands = dict(sorted(progress.forecast(beginning, expected, 1)))
    except DatabaseUnreachableError:
        return  # a finding of the check `database`
    finally:
        engine.dispose()
    bars = {holding.ticker: holding.last for holding in holdings if holding.ticker in tickers}
    yield _age("prices", bars, tickers, expected)
    yield _age("bands", bands, tickers, expected)


def _age(what: str, last: Mapping[str, date], tickers: Tickers, expected: date) -> Finding:
    late = sorted(ticker for ticker in tickers if _behind(ticker, last.get(ticker), expected))
    if not late:
        return Finding(what, "ok", f"of {len(tickers)} tickers, up to {expected}")
    shown = ", ".join(late[:5]) + (f" and {len(late) - 5} more" if len(late) > 5 else "")
    found = f"older than {expected}, or none: {shown}"
    return Finding(what, "warn", found, "run `bandcast run`, and see `bandcast prices status`")


def _behind(ticker: str, last: date | None, expected: date) -> bool:
    return last is None or len(sessions_between(calendar_name(ticker), last, expected)) - 1 >= LATE_SESSIONS


def _tickers(settings: Settings) -> Tickers:
    return settings.tickers or open_source(settings).tickers()
