"""Sessions that a run has to publish: its own, and earlier ones that an outage has left without bands."""

from dataclasses import dataclass
from datetime import date

from db import TickerSession, Transaction
from flows.context import RunContext
from flows.prefect_runtime.flow_support import is_scheduled
from forecasting.calendars.trading_days import (
    Span,
    find_missing_sessions,
    find_unfinished,
    had_no_session,
    list_calendars,
    look_back,
)
from forecasting.errors import CalendarError, UnknownExchangeError
from forecasting.types import CatchUp


@dataclass(frozen=True)
class SessionPlan:
    """Sessions to publish, and why the run's own is not among them.

    Attributes:
        filled: Earlier sessions to publish now, oldest first.
        missing: Earlier sessions without complete bands, oldest first, whether they are filled or not.
        reason: Why the run's own session is left alone; empty where it is published.
    """

    filled: tuple[date, ...]
    missing: tuple[date, ...]
    reason: str

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to publish."""
        return bool(self.reason) and not self.filled

    def describe(self) -> str:
        """Return the reason, with the sessions that are missing all the same."""
        if not self.missing:
            return f"{self.reason}."
        days = ", ".join(map(str, self.missing))
        return f"{self.reason}; without complete bands: {days}; set catch_up to fill, or run backfill."


def plan_sessions(
    context: RunContext, requested: date | None, catch_up: CatchUp, *, sessions: int, force: bool
) -> SessionPlan:
    """Decide which sessions a daily run publishes.

    Args:
        context: The run.
        requested: The session that the caller named, None where the run's due time decides.
        catch_up: What to do about earlier sessions.
        sessions: How many of them to look back on.
        force: Publish the run's own session in any case.
    """
    reason = "" if force else _find_reason_to_skip(context, requested)
    missing = load_missing_sessions(context, sessions) if catch_up != "off" else ()
    return SessionPlan(missing if catch_up == "fill" else (), missing, reason)


def load_missing_sessions(context: RunContext, sessions: int) -> tuple[date, ...]:
    """Return the sessions among the last few before the run's own that lack a ticker, oldest first."""
    span, horizon = look_back(context.as_of, sessions), context.settings.simulation.horizon
    with context.store.reading() as tx:
        first_sessions = tx.forecasts.load_first_sessions()
        finished = load_finished(tx, span, horizon)
    return find_missing_sessions(
        context.tickers,
        context.as_of,
        sessions,
        first_sessions=first_sessions,
        finished=finished,
        calendars=context.calendars,
    )


def load_finished(tx: Transaction, span: Span, horizon: int) -> set[TickerSession]:
    """Load ticker and session of the complete bands of a span, and of what was left out beside them.

    Where all tickers of a session were left out, none counts: its run has failed, as in a vendor's outage.
    """
    completed = tx.forecasts.load_completed(span.first, span.last, horizon)
    published = {session for _, session in completed}
    skipped = tx.quarantines.load_skipped(span.first, span.last)
    return completed | {(ticker, session) for ticker, session in skipped if session in published}


def load_unfinished(context: RunContext, session: date, *, force: bool) -> tuple[str, ...]:
    """Return the tickers that still lack bands of a session.

    Args:
        context: The run.
        session: The session.
        force: Count bands that were not issued on their day, and quarantined tickers, as unfinished; and in a
            run that reissues all others, too.
    """
    with context.store.reading() as tx:
        if force:
            finished = set() if context.reissue else tx.forecasts.load_issued_live(session)
        else:
            finished = load_finished(tx, Span(session, session), context.settings.simulation.horizon)
    return find_unfinished(context.tickers, session, finished, calendars=context.calendars)


def is_complete(context: RunContext) -> bool:
    """Return whether every ticker has its bands; one that was left out is worth another try."""
    try:
        sessions = {ticker: context.find_session(ticker) for ticker in context.tickers}
    except (CalendarError, UnknownExchangeError):
        return False  # the run will quarantine it by name
    first, last = min(sessions.values()), max(sessions.values())
    with context.store.reading() as tx:
        completed = tx.forecasts.load_completed(first, last, context.settings.simulation.horizon)
    return set(sessions.items()) <= completed


def _find_reason_to_skip(context: RunContext, requested: date | None) -> str:
    complete = f"the bands of {context.as_of} are complete" if is_complete(context) else ""
    scheduled = requested is None and context.source.live and is_scheduled()
    if scheduled and had_no_session(context.tickers, context.due, context.lag, calendars=context.calendars):
        calendars = list_calendars(context.tickers, context.calendars)
        names = ", ".join(calendar.name for calendar in calendars)
        resting = f"{names} had no session in the 24 hours before {context.due:%Y-%m-%d %H:%M} UTC"
        return "; ".join(filter(None, (resting, complete)))
    return f"{complete}; set force to make them again" if complete else ""
