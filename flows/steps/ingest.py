"""Save the prices of one ticker from the source into the store, or return the reason why not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from db.engine import reading, writing
from db.records import Quarantine
from db.repositories.forecasts import ForecastRepository
from db.repositories.prices import PriceRepository, StoreReport
from flows.context import Job, store
from flows.sources.retry import Retrier
from flows.summary import Ingested
from forecasting.calendars.sessions import calendar_name
from forecasting.errors import (
    CalendarError,
    GapError,
    ImplausibleCorrectionError,
    InstrumentChangedError,
    PriceError,
    ScaleChangedError,
    SessionsUnknownError,
)
from forecasting.prices.history import PriceHistory
from forecasting.prices.reconciliation import reconcile
from forecasting.prices.validation import check_complete, on_sessions

# A vendor's slip is gone the next day; what it says for five sessions running is a correction.
CONTRADICTIONS = {
    error.reason for error in (InstrumentChangedError, ScaleChangedError, ImplausibleCorrectionError)
}
SETTLED_SESSIONS = 5
SETTLED_WITHIN = timedelta(days=14)


def pull_one(job: Job, ticker: str, retrier: Retrier) -> Ingested | PriceError:
    """Fetch, check and save one ticker; return the reason if its prices fail."""
    try:
        session = job.session_of(ticker)
        history = retrier.call(ticker, lambda: job.source.fetch(ticker, job.history_start, session))
        report = take_in(job, history)
        _check_stored(job, ticker, session)
    except CalendarError as error:
        return SessionsUnknownError(ticker, str(error))
    except PriceError as error:
        return error
    return Ingested(ticker, report.new, report.changed, report.vanished)


def take_in(job: Job, history: PriceHistory) -> StoreReport:
    """Put a pull into the units of the store and write what it says anew, in one transaction.

    Raises:
        PriceError: It contradicts the store or itself; nothing is written.
    """
    calendar = calendar_name(history.ticker)
    if job.live:
        history = replace(history, bars=on_sessions(history, calendar))
    with writing(store(job.settings.url)) as connection:
        prices = PriceRepository(connection, job.source.name)
        settled = not job.live or _settled(job, ForecastRepository(connection), history.ticker)
        read = reconcile(prices.load(history.ticker), history, settled=settled)
        return prices.store(read, datetime.now(UTC), calendar=calendar)


def _settled(job: Job, forecasts: ForecastRepository, ticker: str) -> bool:
    """Whether the source has contradicted the store in each of the last few runs."""
    last = forecasts.last_reasons(job.source.name, ticker, job.as_of, SETTLED_SESSIONS)
    return len(last) == SETTLED_SESSIONS and _lately(last, job.as_of)


def _lately(last: Sequence[tuple[date, str]], as_of: date) -> bool:
    days, reasons = zip(*last, strict=True)
    return set(reasons) <= CONTRADICTIONS and as_of - min(days) <= SETTLED_WITHIN


def _check_stored(job: Job, ticker: str, session: date) -> None:
    """Raise for what the store still lacks now; a file's owner decides what sessions it has.

    Raises:
        StaleHistoryError: The last closed session.
        GapError: A recent one.
    """
    with reading(store(job.settings.url)) as connection:
        stored = PriceRepository(connection, job.source.name).load(ticker, session)
    try:
        check_complete(stored, calendar_name(ticker), session)
    except GapError:
        if job.live:
            raise


def note_quarantine(job: Job, failed: Mapping[str, PriceError], done: Iterable[str]) -> None:
    """Save each reason in the store, and lift the quarantine of what went through."""
    now = datetime.now(UTC)
    rows = [
        Quarantine(job.source.name, ticker, job.as_of, error.reason, str(error), now)
        for ticker, error in failed.items()
    ]
    with writing(store(job.settings.url)) as connection:
        repository = ForecastRepository(connection)
        repository.quarantine(rows)
        repository.clear(job.source.name, job.as_of, list(done))
