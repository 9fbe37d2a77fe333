"""What a run has to do: its own session, and earlier ones that an outage has left without bands."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from db.engine import reading
from db.repositories.progress import Done, ProgressRepository
from flows.context import Job, newest_closed, store
from flows.prefect_runtime.flow_support import on_schedule
from forecasting.calendars.sessions import calendar_name, is_session, sessions_between
from forecasting.errors import CalendarError, UnknownExchangeError
from forecasting.types import CatchUp

A_DAY = timedelta(hours=24)
CALENDAR_DAYS = 3  # of each session looked back on, at most: holidays come with weekends


@dataclass(frozen=True)
class Plan:
    """Sessions to publish, oldest first, and why the run's own is not among them.

    Attributes:
        jobs: One a session.
        missing: Earlier sessions without complete bands, oldest first, whether they are filled or not.
        reason: Why the run's own session is left alone; empty where it is published.
    """

    jobs: tuple[Job, ...]
    missing: tuple[date, ...]
    reason: str

    def sentence(self) -> str:
        """The reason, with what is missing all the same."""
        if not self.missing:
            return f"{self.reason}."
        days = ", ".join(map(str, self.missing))
        return f"{self.reason}; without complete bands: {days}; set catch_up to fill, or run backfill."


def make_plan(job: Job, asked: date | None, catch_up: CatchUp, look_back: int, *, force: bool) -> Plan:
    """Settle which sessions a daily run publishes.

    Args:
        job: The run.
        asked: The session that was asked for, None where the run's due time decides.
        catch_up: What to do about earlier sessions.
        look_back: How many of them to look at.
        force: Publish the run's own session in any case.
    """
    reason = "" if force else _reason_for_rest(job, asked)
    missing = missing_sessions(job, look_back) if catch_up != "off" else ()
    past = [job.at(session) for session in missing] if catch_up == "fill" else []
    return Plan((*past, *(() if reason else (job,))), missing, reason)


def missing_sessions(job: Job, look_back: int) -> tuple[date, ...]:
    """The sessions among the last few before the job's own that lack a ticker, oldest first.

    Nothing is missing before a ticker's first forecast, and a ticker that was left out for a reason is not
    missing either, so a session is filled at most once.
    """
    first, last = job.as_of - timedelta(days=CALENDAR_DAYS * look_back + 7), job.as_of - timedelta(days=1)
    with reading(store(job.settings.url)) as connection:
        progress = ProgressRepository(connection, job.source.name)
        beginnings = progress.beginnings()
        done = progress.forecast(first, last, job.settings.simulation.horizon)
        done |= progress.left_out(first, last)
    known = [ticker for ticker in job.tickers if ticker in beginnings]
    days = sessions_of(known, first, last)[-look_back:]
    return tuple(day for day in days if lacking([one for one in known if beginnings[one] <= day], day, done))


def sessions_of(tickers: Iterable[str], first: date, last: date) -> list[date]:
    """Every day from `first` to `last` on which an exchange of the tickers trades, oldest first."""
    calendars = {name for ticker in tickers if (name := _calendar(ticker))}
    return sorted({day for name in calendars for day in sessions_between(name, first, last)})


def lacking(tickers: Sequence[str], day: date, done: Done) -> tuple[str, ...]:
    """The tickers whose exchange trades on that day and that are not done."""
    return tuple(
        ticker
        for ticker in tickers
        if (ticker, day) not in done and (name := _calendar(ticker)) and is_session(name, day)
    )


def complete(job: Job) -> bool:
    """Whether every ticker of the job has its bands; one that was left out is worth another try."""
    try:
        sessions = {ticker: job.session_of(ticker) for ticker in job.tickers}
    except (CalendarError, UnknownExchangeError):
        return False  # the run will quarantine it by name
    first, last = min(sessions.values()), max(sessions.values())
    with reading(store(job.settings.url)) as connection:
        progress = ProgressRepository(connection, job.source.name)
        return set(sessions.items()) <= progress.forecast(first, last, job.settings.simulation.horizon)


def _reason_for_rest(job: Job, asked: date | None) -> str:
    done = f"the bands of {job.as_of} are complete" if complete(job) else ""
    if asked is None and _nothing_closed(job):
        names = ", ".join(sorted({name for ticker in job.tickers if (name := _calendar(ticker))}))
        resting = f"{names} had no session in the 24 hours before {job.instant:%Y-%m-%d %H:%M} UTC"
        return "; ".join(filter(None, (resting, done)))
    return f"{done}; set force to make them again" if done else ""


def _nothing_closed(job: Job) -> bool:
    """Whether a scheduled run finds the exchanges as they were a day before: a holiday."""
    if not (job.live and on_schedule()):
        return False
    before = newest_closed(job.tickers, job.instant - A_DAY, job.settings)
    return newest_closed(job.tickers, job.instant, job.settings) == before


def _calendar(ticker: str) -> str | None:
    with suppress(UnknownExchangeError):
        return calendar_name(ticker)
    return None
